-- At most $1 sagas from before they were kept under their claims.
select
  saga_id,
  kind,
  key_hash,
  fingerprint,
  owner,
  epoch,
  wake_at,
  done,
  input,
  quote,
  stage,
  created_at,
  updated_at
from earlier_sagas
order by saga_id
limit $1

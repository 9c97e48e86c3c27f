-- Sagas as they are kept now. One that was carried over before stays as it is.
insert into sagas (
  claim_id,
  attempt,
  saga_id,
  kind,
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
)
values {rows:14}
on conflict (claim_id, attempt) do nothing

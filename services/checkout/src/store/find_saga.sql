-- One saga by its id.
select claim_id, attempt, saga_id, kind, fingerprint, epoch, done, input, quote, stage, created_at, owner, wake_at
from sagas
where saga_id = $1
limit 1

-- One saga by its id.
select saga_id, kind, fingerprint, epoch, done, input, quote, stage, created_at, owner, wake_at
from sagas
where saga_id = $1

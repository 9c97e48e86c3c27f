-- The saga that a buyer's key already began, if there is one.
select saga_id, kind, fingerprint, epoch, done, input, quote, stage, created_at, owner, wake_at
from sagas
where key_hash = $1

select saga_id, kind, fingerprint, epoch, done, input, quote, stage, created_at, owner, wake_at
from sagas
where saga_id = $1

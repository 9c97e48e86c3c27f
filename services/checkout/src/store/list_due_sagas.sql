-- Unfinished sagas whose owner has not been heard of in time, the longest waiting first.
select claim_id, attempt, saga_id, kind, fingerprint, epoch, done, input, quote, stage, created_at, owner, wake_at
from sagas
where done = 0 and wake_at <= $1
order by wake_at
limit $2

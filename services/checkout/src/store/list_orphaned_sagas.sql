-- Unfinished sagas of any owner but this one, the longest waiting first.
select claim_id, attempt, saga_id, kind, fingerprint, epoch, done, input, quote, stage, created_at, owner, wake_at
from sagas
where done = 0 and owner <> $1
order by wake_at
limit $2

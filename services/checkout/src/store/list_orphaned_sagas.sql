-- Unfinished sagas of any owner but $1; those of nobody ($2) wait for their buyers. The longest waiting first.
select claim_id, attempt, saga_id, kind, fingerprint, epoch, done, input, quote, stage, created_at, owner, wake_at
from sagas
where done = 0 and owner <> $1 and owner <> $2
order by wake_at
limit $3

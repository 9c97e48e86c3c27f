-- The last saga under a claim.
select claim_id, attempt, saga_id, kind, fingerprint, epoch, done, input, quote, stage, created_at, owner, wake_at
from sagas
where claim_id = $1
order by attempt desc
limit 1

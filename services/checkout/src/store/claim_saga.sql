-- Takes a saga over from an owner that is gone; $3 is the epoch it was seen at.
update sagas
set owner = $4, epoch = $3 + 1, wake_at = $5
where claim_id = $1 and attempt = $2 and epoch = $3 and done = 0

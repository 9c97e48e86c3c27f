-- Notes what comes next. Changes no row if another owner has taken the saga over.
update sagas
set stage = $4, quote = coalesce($5, quote), wake_at = $6, updated_at = $7
where claim_id = $1 and attempt = $2 and epoch = $3 and done = 0

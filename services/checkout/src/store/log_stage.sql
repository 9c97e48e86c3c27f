-- Notes what comes next. Changes no row if another owner has taken the saga over.
update sagas
set stage = $3, quote = coalesce($4, quote), wake_at = $5, updated_at = $6
where saga_id = $1 and epoch = $2 and done = 0

-- Ends the saga. Changes no row if another owner has taken it over.
update sagas
set stage = $4, done = 1, updated_at = $5
where claim_id = $1 and attempt = $2 and epoch = $3 and done = 0

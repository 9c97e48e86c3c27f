-- Ends the saga. $5 = 1 frees its key, so that the buyer may try again with it.
update sagas
set stage = $3, done = 1, updated_at = $4, key_hash = case when $5 = 1 then null else key_hash end
where saga_id = $1 and epoch = $2 and done = 0

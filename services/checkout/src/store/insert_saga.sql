-- The saga is written before anything is done. A repeat, or a race, finds its key taken and changes no row.
insert into sagas
  (saga_id, kind, key_hash, fingerprint, owner, epoch, wake_at, done, input, stage, created_at, updated_at)
values ($1, $2, $3, $4, $5, 1, $6, 0, $7, $8, $9, $9)
on conflict (key_hash) do nothing

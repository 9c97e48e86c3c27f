-- The saga is written before anything is done. A repeat, or a race, finds its attempt taken and changes no row.
insert into sagas
  (claim_id, attempt, saga_id, kind, fingerprint, owner, epoch, wake_at, done, input, stage, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, 1, $7, 0, $8, $9, $10, $10)
on conflict (claim_id, attempt) do nothing

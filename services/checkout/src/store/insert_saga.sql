-- The saga is written before anything is done. A repeat, or a race, finds its attempt taken and gets no row.
insert into sagas (
  claim_id,
  attempt,
  saga_id,
  kind,
  fingerprint,
  owner,
  epoch,
  wake_at,
  done,
  input,
  stage,
  created_at,
  updated_at
)
values {rows:13}
on conflict (claim_id, attempt) do nothing
returning claim_id

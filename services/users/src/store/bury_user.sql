-- A closed account in the place of one that was never opened: whoever would still open it meets the key.
insert into users (
  id,
  name,
  role,
  accepts_marketing,
  tags,
  version,
  created_at,
  updated_at,
  deleted_at
)
values ($1, '', $2, 0, '[]', 1, $3, $3, $3)
on conflict (id) do nothing

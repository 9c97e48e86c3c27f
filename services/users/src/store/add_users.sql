-- Adds accounts whose e-mails are claimed.
insert into users (
  id,
  email,
  name,
  phone,
  role,
  accepts_marketing,
  tags,
  version,
  created_at,
  updated_at,
  password_hash
)
values {rows:11}
on conflict (id) do nothing

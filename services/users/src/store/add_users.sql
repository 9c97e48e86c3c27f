-- Adds accounts; their e-mails are claimed in the same transaction.
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

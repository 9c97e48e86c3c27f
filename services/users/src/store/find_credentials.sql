-- The open account $1 with the hash of its password.
select
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
from users
where id = $1 and deleted_at is null

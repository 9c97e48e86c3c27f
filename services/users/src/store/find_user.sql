-- The open account $1.
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
  updated_at
from users
where id = $1 and deleted_at is null

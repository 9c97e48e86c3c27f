-- The open accounts among several.
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
where id in {in} and deleted_at is null

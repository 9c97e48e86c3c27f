-- A page of $3 accounts, newest first, after the one made at $1 with the id $2.
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
where deleted_at is null and (created_at, id) < ($1, $2)
order by created_at desc, id desc
limit $3

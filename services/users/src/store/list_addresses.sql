-- The addresses of the user $1, the default first.
select
  user_id,
  id,
  place,
  is_default,
  name,
  line1,
  line2,
  city,
  postal_code,
  region,
  country,
  phone
from addresses
where user_id = $1
order by is_default desc, place

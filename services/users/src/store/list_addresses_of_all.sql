-- The addresses of several users, in the order they were added.
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
where user_id in {in}
order by user_id, place

-- Adds addresses.
insert into addresses (
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
)
values {rows:12}

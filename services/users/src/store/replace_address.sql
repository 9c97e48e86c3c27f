-- Gives the address $2 of the user $1 another content.
update addresses
set
  is_default = $3,
  name = $4,
  line1 = $5,
  line2 = $6,
  city = $7,
  postal_code = $8,
  region = $9,
  country = $10,
  phone = $11
where user_id = $1 and id = $2

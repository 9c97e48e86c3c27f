-- A page of the carts that are abandoned, those found last first: before the key ($1, $2), at most $3.
select
  cart_id,
  status,
  customer_id,
  checkout_id,
  merged_into,
  currency,
  contents,
  version,
  created_at,
  updated_at,
  abandoned_at
from carts
where
  abandoned_at is not null
  and (abandoned_at, cart_id) < ($1, $2)
  and abandoned_version = version
  and status = 'open'
order by abandoned_at desc, cart_id desc
limit $3

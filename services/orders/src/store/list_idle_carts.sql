-- The next at most $4 carts, whatever their state, that were touched last at or before $1, after the key ($2, $3).
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
  updated_at
from carts
where
  updated_at <= $1
  and (updated_at, cart_id) > ($2, $3)
order by updated_at, cart_id
limit $4

-- One cart by its id.
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
where cart_id = $1

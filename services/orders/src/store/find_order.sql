-- One order by its id.
select
  order_id,
  source,
  number,
  status,
  customer_id,
  token_hash,
  currency,
  total,
  paid,
  refunded,
  document,
  version,
  placed_at,
  updated_at
from orders
where order_id = $1

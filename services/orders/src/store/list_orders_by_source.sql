-- A page of the orders from source $6; $1 to $5 as in list_orders.sql.
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
where
  placed_at >= $1
  and placed_at < $2
  and (placed_at, order_id) < ($3, $4)
  and source = $6
order by placed_at desc, order_id desc
limit $5

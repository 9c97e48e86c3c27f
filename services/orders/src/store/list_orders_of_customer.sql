-- A page of the orders of customer $6; $1 to $5 as in list_orders.sql.
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
  and customer_id = $6
  and (cast($7 as text) is null or status = $7)
  and (cast($8 as text) is null or source = $8)
order by placed_at desc, order_id desc
limit $5

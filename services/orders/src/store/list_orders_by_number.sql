-- A page of the orders with number $6, one for each source; $1 to $5 as in list_orders.sql.
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
  and number = $6
  and (cast($7 as text) is null or source = $7)
  and (cast($8 as text) is null or status = $8)
  and (customer_id = $9 or $9 is null)
order by placed_at desc, order_id desc
limit $5

-- A page of all orders, newest first: placed in [$1, $2) and before the key ($3, $4), at most $5.
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
order by placed_at desc, order_id desc
limit $5

-- Orders, with when each was paid and cancelled.
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
  updated_at,
  (select min(e.at) from order_events as e where e.order_id = orders.order_id and e.kind = 'order.paid'),
  (select min(e.at) from order_events as e where e.order_id = orders.order_id and e.kind = 'order.cancelled')
from orders
where order_id in {in}

-- Notes that the whole sum has come for an order that waits for it.
update orders
set
  status = 'paid',
  paid = d.column2,
  payment = d.column4,
  version = orders.version + 1,
  updated_at = d.column5
from (values {rows:uuid,bigint,text,text,bigint}) as d
where orders.order_id = d.column1
  and orders.status = 'placed'
  and orders.total = d.column2
  and orders.currency = d.column3
returning
  orders.order_id,
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

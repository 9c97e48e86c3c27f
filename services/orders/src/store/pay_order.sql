-- Notes that the whole sum has come for an order that waits for it.
update orders
set
  status = 'paid',
  paid = $2,
  payment = $4,
  version = version + 1,
  updated_at = $5
where order_id = $1 and status = 'placed' and total = $2 and currency = $3
returning
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

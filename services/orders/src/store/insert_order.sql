-- A new order; if the checkout has made it already nothing happens.
insert into orders (
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
)
values ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, $9, 1, $10, $10)
on conflict (order_id) do nothing

-- A new order; if the checkout has made it already no row is answered.
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
values {rows:14}
on conflict (order_id) do nothing
returning order_id

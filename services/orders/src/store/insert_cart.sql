-- A new cart, open and empty or with first contents.
insert into carts (
  cart_id,
  status,
  customer_id,
  currency,
  contents,
  version,
  created_at,
  updated_at
)
values ($1, 'open', $2, $3, $4, 1, $5, $5)

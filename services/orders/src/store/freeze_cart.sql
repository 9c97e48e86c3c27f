-- Freezes an open cart for the checkout $2; one that this checkout froze or ordered before stays as it is.
update carts
set
  status = case when status = 'open' then 'paying' else status end,
  checkout_id = $2,
  version = version + case when status = 'open' then 1 else 0 end,
  updated_at = case when status = 'open' then $3 else updated_at end
where cart_id = $1 and (status = 'open' or checkout_id = $2)
returning
  cart_id,
  status,
  customer_id,
  checkout_id,
  merged_into,
  currency,
  contents,
  version,
  created_at,
  updated_at

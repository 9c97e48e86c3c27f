-- Gives a cart back that the checkout $2 froze, or closed for an order that is refused or cancelled: $3 is which.
update carts
set
  status = 'open',
  checkout_id = null,
  version = version + 1,
  updated_at = $4
where cart_id = $1 and checkout_id = $2 and status = $3

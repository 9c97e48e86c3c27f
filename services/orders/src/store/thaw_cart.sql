-- Gives a cart back that the checkout $2 froze.
update carts
set
  status = 'open',
  checkout_id = null,
  version = version + 1,
  updated_at = $3
where cart_id = $1 and checkout_id = $2 and status = 'paying'

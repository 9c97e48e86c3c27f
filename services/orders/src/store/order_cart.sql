-- Closes a cart that the checkout $2 froze: it has become an order.
update carts
set
  status = 'ordered',
  version = version + 1,
  updated_at = $3
where cart_id = $1 and checkout_id = $2 and status = 'paying'

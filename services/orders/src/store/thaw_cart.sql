-- Gives a cart back that the checkout $2 froze, or closed for an order that it has cancelled since.
update carts
set
  status = 'open',
  checkout_id = null,
  version = version + 1,
  updated_at = $3
where cart_id = $1 and checkout_id = $2
  and (status = 'paying' or exists (
    select 1 from orders where order_id = $2 and status = 'cancelled'
  ))

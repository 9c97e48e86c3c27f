-- Moves an order on that is still at version $2.
update orders
set
  status = $3,
  refunded = $4,
  version = version + 1,
  updated_at = $5
where order_id = $1 and version = $2

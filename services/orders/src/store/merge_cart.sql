-- Empties an open cart that is still at version $2; what remains points to the cart its lines went into.
update carts
set
  status = 'merged',
  merged_into = $3,
  contents = '{}',
  version = version + 1,
  updated_at = $4
where cart_id = $1 and version = $2 and status = 'open'

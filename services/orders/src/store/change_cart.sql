-- New contents for an open cart that is still at version $2.
update carts
set
  currency = $3,
  contents = $4,
  version = version + 1,
  updated_at = $5
where cart_id = $1 and version = $2 and status = 'open'

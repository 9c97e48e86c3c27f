-- Marks open carts that are still at the version at which they were found, at $1; answers which.
update carts
set
  abandoned_at = $1,
  abandoned_version = carts.version
from (values {rows:uuid,bigint}) as d
where carts.cart_id = d.column1
  and carts.version = d.column2
  and carts.status = 'open'
  and (carts.abandoned_version is null or carts.abandoned_version < carts.version)
returning carts.cart_id

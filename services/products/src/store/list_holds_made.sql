-- The next $4 holds made on $1, from before ($2, $3) backwards.
select
  reservation_id,
  quantity,
  reserved_at
from holds
where variant_id = $1 and (reserved_at, reservation_id) < ($2, $3)
order by reserved_at desc, reservation_id desc
limit $4

-- The next $4 holds settled on $1, from before ($2, $3) backwards.
select
  reservation_id,
  quantity,
  state,
  settled_at
from holds
where variant_id = $1 and settled_at is not null and (settled_at, reservation_id) < ($2, $3)
order by settled_at desc, reservation_id desc
limit $4

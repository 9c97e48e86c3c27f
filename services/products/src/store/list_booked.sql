-- The next $4 lines of the ledger of $1 that no hold made, from before ($2, $3) backwards.
select
  movement_id,
  kind,
  on_hand_change,
  reservation_id,
  reason,
  at
from movements
where variant_id = $1 and (at, movement_id) < ($2, $3)
order by at desc, movement_id desc
limit $4

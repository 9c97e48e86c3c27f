-- Puts pieces back on their shelves. The shelves are locked in order of their id, as by `take_stock.sql`.
update stock set
  on_hand = on_hand + d.pieces
from (
  select
    s.variant_id as shelf_id,
    v.column2 as pieces
  from (values {rows:uuid,bigint}) as v
  join stock as s on s.variant_id = v.column1
  order by s.variant_id
  {lock}
) as d
where variant_id = d.shelf_id
returning variant_id, on_hand - reserved, retired

-- Holds pieces of each variant on which that many can be sold. The rows answered say which those were. The shelves are
-- locked in order of their id, so that nobody waits for a shelf while holding one that comes later.
update stock set
  reserved = reserved + d.pieces
from (
  select
    s.variant_id as shelf_id,
    v.column2 as pieces
  from (values {rows:uuid,bigint}) as v
  join stock as s on s.variant_id = v.column1
  order by s.variant_id
  {lock}
) as d
where variant_id = d.shelf_id and retired = 0 and on_hand - reserved >= d.pieces
returning variant_id, on_hand - reserved, retired

-- Holds pieces of each variant on which that many can be sold. The rows answered say which those were.
update stock set
  reserved = reserved + d.column2
from (values {rows:uuid,bigint}) as d
where variant_id = d.column1 and retired = 0 and on_hand - reserved >= d.column2
returning variant_id

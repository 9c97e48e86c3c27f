-- Closes the shelves of a list of variants on which nothing is held. They are locked as by `take_stock.sql`.
update stock set retired = 1
where reserved = 0 and variant_id in (
  select s.variant_id
  from stock as s
  where s.variant_id in {in}
  order by s.variant_id
  {lock}
)
returning variant_id

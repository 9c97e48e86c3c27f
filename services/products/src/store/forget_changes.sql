-- Removes at most $3 changes that were made before $1 and have a number below $2.
delete from catalogue_changes
where number in (
  select number
  from catalogue_changes
  where at < $1 and number < $2
  order by number
  limit $3
)

-- Removes at most $2 events that were published before $1.
delete from outbox
where (aggregate, sequence) in (
  select
    aggregate,
    sequence
  from outbox
  where published = 1 and at < $1
  order by at
  limit $2
)

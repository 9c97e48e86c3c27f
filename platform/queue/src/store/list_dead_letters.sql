-- A page of dead letters after the key ($1, $2, $3), at most $4.
select
  consumer,
  event,
  code,
  message,
  at
from dead_letters
where (aggregate, sequence, consumer) > ($1, $2, $3)
order by aggregate, sequence, consumer
limit $4

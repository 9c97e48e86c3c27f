-- A page of at most $4 events that were published, in the order of time, after the key ($1, $2, $3).
select
  order_id,
  sequence,
  event_id,
  kind,
  null,
  at,
  data
from order_events
where published = 1 and at >= $1 and (at, order_id, sequence) > ($1, $2, $3)
order by at, order_id, sequence
limit $4

-- At most $1 events that the relay has not carried yet.
select
  order_id,
  sequence,
  event_id,
  kind,
  null,
  at,
  data
from order_events
where published = 0
order by order_id, sequence
limit $1

-- A page of at most $4 events that were published, in the order of time, after the key ($1, $2, $3).
select
  aggregate,
  sequence,
  event_id,
  kind,
  subject,
  at,
  data
from outbox
where published = 1 and at >= $1 and (at, aggregate, sequence) > ($1, $2, $3)
order by at, aggregate, sequence
limit $4

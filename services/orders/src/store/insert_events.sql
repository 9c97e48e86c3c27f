-- What happened, in the commit in which it did.
insert into order_events (
  order_id,
  sequence,
  event_id,
  kind,
  message,
  data,
  at,
  published
)
values {rows:8}

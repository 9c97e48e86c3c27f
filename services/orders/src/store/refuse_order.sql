-- Takes the place of the first event of an order that shall never be: whoever would still make it meets the key.
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
values ($1, 1, $2, 'order.refused', '', '{}', $3, 1)
on conflict (order_id, sequence) do nothing

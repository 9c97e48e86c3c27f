-- Adds deliveries; those that are there stay as they are.
insert into webhook_deliveries (
  endpoint_id,
  delivery_id,
  kind,
  body,
  state,
  attempts,
  tries,
  due_at,
  epoch,
  created_at
)
values {rows:10}
on conflict (endpoint_id, delivery_id) do nothing

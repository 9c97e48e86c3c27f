-- The delivery $2 of the endpoint $1.
select
  endpoint_id,
  delivery_id,
  kind,
  state,
  attempts,
  due_at,
  created_at,
  ended_at
from webhook_deliveries
where endpoint_id = $1 and delivery_id = $2

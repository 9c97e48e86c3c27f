-- Has deliveries sent at once, at the time $1, with all tries before them. Whoever is sending one of them is fenced off.
update webhook_deliveries
set
  state = 'pending',
  tries = 0,
  due_at = $1,
  epoch = webhook_deliveries.epoch + 1,
  ended_at = null
from (values {rows:uuid,uuid}) as d
where webhook_deliveries.endpoint_id = d.column1 and webhook_deliveries.delivery_id = d.column2

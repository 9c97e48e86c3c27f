-- Takes deliveries to send them, until $1; those that another has taken since they were seen are not answered.
update webhook_deliveries
set
  due_at = $1,
  epoch = webhook_deliveries.epoch + 1
from (values {rows:uuid,uuid,bigint}) as d
where
  webhook_deliveries.endpoint_id = d.column1
  and webhook_deliveries.delivery_id = d.column2
  and webhook_deliveries.epoch = d.column3
  and webhook_deliveries.state = 'pending'
returning webhook_deliveries.delivery_id

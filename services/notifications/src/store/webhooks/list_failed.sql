-- At most $3 deliveries of the endpoint $1 that were given up, of events heard since $2.
select endpoint_id, delivery_id
from webhook_deliveries
where endpoint_id = $1 and state = 'failed' and created_at >= $2
order by delivery_id
limit $3

-- At most $2 deliveries of events heard before $1, the oldest first.
select endpoint_id, delivery_id
from webhook_deliveries
where created_at < $1
order by created_at, endpoint_id, delivery_id
limit $2

-- At most $3 deliveries of the endpoint $1 that are due at $2, the longest waiting first.
select delivery_id, epoch, attempts, tries, body
from webhook_deliveries
where endpoint_id = $1 and state = 'pending' and due_at <= $2
order by due_at
limit $3

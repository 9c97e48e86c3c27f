-- The latest $3 attempts of the delivery $2 of the endpoint $1.
select number, at, duration_ms, status, error, answer
from webhook_attempts
where endpoint_id = $1 and delivery_id = $2
order by number desc
limit $3

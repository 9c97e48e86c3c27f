-- A page of $3 deliveries of the endpoint $1 before $2, newest first; only in the state $4 and of the type $5, if these
-- are no empty texts.
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
where
  endpoint_id = $1
  and delivery_id < $2
  and ($4 = '' or state = $4)
  and ($5 = '' or kind = $5)
order by delivery_id desc
limit $3

-- At most $1 enabled endpoints, each with the time at which the first of its pending deliveries is due.
select
  e.endpoint_id,
  e.url,
  e.description,
  e.events,
  e.enabled,
  e.disabled_reason,
  e.disabled_at,
  e.failing_since,
  e.rest_until,
  e.secret,
  e.old_secret,
  e.old_secret_until,
  e.version,
  e.created_at,
  e.updated_at,
  (
    select d.due_at
    from webhook_deliveries as d
    where d.endpoint_id = e.endpoint_id and d.state = 'pending'
    order by d.due_at
    limit 1
  )
from webhook_endpoints as e
where e.enabled = 1
order by e.endpoint_id
limit $1

-- Adds an endpoint that is enabled.
insert into webhook_endpoints (
  endpoint_id,
  url,
  description,
  events,
  enabled,
  disabled_reason,
  disabled_at,
  failing_since,
  rest_until,
  secret,
  old_secret,
  old_secret_until,
  version,
  created_at,
  updated_at
)
values ($1, $2, $3, $4, 1, null, null, null, 0, $5, null, null, 1, $6, $6)

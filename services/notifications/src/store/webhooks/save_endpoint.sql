-- Changes an endpoint that still is at the version before $13.
update webhook_endpoints
set
  url = $2,
  description = $3,
  events = $4,
  enabled = $5,
  disabled_reason = $6,
  disabled_at = $7,
  failing_since = $8,
  rest_until = $9,
  secret = $10,
  old_secret = $11,
  old_secret_until = $12,
  version = $13,
  updated_at = $14
where endpoint_id = $1 and version = $13 - 1

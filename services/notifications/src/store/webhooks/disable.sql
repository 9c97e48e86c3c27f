-- Disables an endpoint that is enabled, at the time $3 for the reason $2.
update webhook_endpoints
set
  enabled = 0,
  disabled_reason = $2,
  disabled_at = $3,
  version = version + 1,
  updated_at = $3
where endpoint_id = $1 and enabled = 1

-- The endpoint $1, held until the transaction ends.
select
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
from webhook_endpoints
where endpoint_id = $1
{lock}

-- The lines of a list of reservations.
select
  reservation_id,
  line,
  variant_id,
  quantity,
  expires_at,
  state
from holds
where reservation_id in {in}

-- The lines of reservations. One of no pieces marks a key that was released before it was ever reserved. Rows of a key
-- that is taken are left out, which the number of rows added tells.
insert into holds (
  reservation_id,
  line,
  variant_id,
  quantity,
  state,
  expires_at,
  reserved_at,
  settled_at
)
values {rows:8}
on conflict (reservation_id, line) do nothing

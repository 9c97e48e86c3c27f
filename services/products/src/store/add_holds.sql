-- The lines of a reservation. One of no pieces marks a key that was released before it was ever reserved.
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

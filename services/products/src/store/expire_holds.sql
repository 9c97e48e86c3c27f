-- Ends the reservation $1 if it is open and its time has passed.
update holds set
  state = 'expired',
  settled_at = $2
where reservation_id = $1 and state = 'held' and expires_at <= $2
returning line, variant_id, quantity, expires_at, state

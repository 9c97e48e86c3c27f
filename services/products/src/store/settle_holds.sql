-- Ends the reservation $1 with the state $2, if it is open.
update holds set
  state = $2,
  settled_at = $3
where reservation_id = $1 and state = 'held'
returning line, variant_id, quantity, expires_at, state

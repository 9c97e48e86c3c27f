-- Ends with the state $1 those reservations of a list that are open and run out at $3 or before. Their rows are locked
-- in order of the key, so that two who settle the same reservations do not wait for each other in a circle. The state is
-- asked for outside too: it is the guard of the row that is written.
update holds set
  state = $1,
  settled_at = $2
where state = 'held' and (reservation_id, line) in (
  select
    reservation_id,
    line
  from holds
  where reservation_id in {in} and state = 'held' and expires_at <= $3
  order by reservation_id, line
  {lock}
)
returning reservation_id, line, variant_id, quantity, expires_at, state

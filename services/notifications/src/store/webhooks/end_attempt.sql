-- Notes what became of a delivery, if it still is of who took it at the epoch $3.
update webhook_deliveries
set
  state = $4,
  attempts = attempts + 1,
  tries = tries + 1,
  due_at = $5,
  ended_at = $6
where endpoint_id = $1 and delivery_id = $2 and epoch = $3 and state = 'pending'

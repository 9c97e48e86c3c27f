-- Notes an attempt.
insert into webhook_attempts (
  endpoint_id,
  delivery_id,
  number,
  at,
  duration_ms,
  status,
  error,
  answer
)
values ($1, $2, $3, $4, $5, $6, $7, $8)

-- Goods that come back.
insert into returns (
  order_id,
  return_id,
  lines,
  reason,
  restock,
  refund,
  refunded,
  at
)
values ($1, $2, $3, $4, $5, $6, $7, $8)

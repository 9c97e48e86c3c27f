-- Adds to the figures of sales.
insert into sales (
  product_id,
  sku,
  day,
  currency,
  units,
  gross,
  units_back,
  refunded
)
values {rows:8}
on conflict (product_id, sku, day, currency) do update set
  units = sales.units + excluded.units,
  gross = sales.gross + excluded.gross,
  units_back = sales.units_back + excluded.units_back,
  refunded = sales.refunded + excluded.refunded

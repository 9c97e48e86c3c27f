-- Past orders, new or written over.
insert into orders (
  order_id,
  source,
  number,
  status,
  currency,
  total,
  paid,
  refunded,
  document,
  import_hash,
  import_version,
  version,
  placed_at,
  updated_at
)
values {rows:14}
on conflict (order_id) do update set
  status = excluded.status,
  currency = excluded.currency,
  total = excluded.total,
  paid = excluded.paid,
  refunded = excluded.refunded,
  document = excluded.document,
  import_hash = excluded.import_hash,
  import_version = excluded.import_version,
  version = excluded.version,
  placed_at = excluded.placed_at,
  updated_at = excluded.updated_at

-- What was bought and agreed is `document`: JSON that never changes. The other columns are what happens to the order.
create table orders (
  order_id uuid not null,
  source text not null,
  number text not null,
  status text not null,
  customer_id uuid,
  -- SHA-256 of the token that lets a guest see it.
  token_hash bytea,
  currency char(3) not null,
  total bigint not null,
  paid bigint not null,
  refunded bigint not null,
  -- The provider's name for the payment.
  payment text,
  document text not null,
  -- Of an imported order: SHA-256 of what was imported, and the version it left.
  import_hash bytea,
  import_version bigint,
  version bigint not null,
  placed_at bigint not null,
  updated_at bigint not null,
  constraint orders_pk primary key (order_id),
  constraint orders_status check (
    status in ('placed', 'paid', 'partly_fulfilled', 'fulfilled', 'cancelled', 'returned')
  ),
  constraint orders_refunded check (refunded = 0 or (refunded > 0 and refunded <= paid))
);
create unique index orders_number on orders (number, source);
create index orders_by_time on orders (placed_at, order_id);
create index orders_by_customer on orders (customer_id, placed_at, order_id) where customer_id is not null;
create index orders_by_status on orders (status, placed_at, order_id);
create index orders_by_source on orders (source, placed_at, order_id);

-- The counts of an order's lines. Imported lines may have no or negative pieces; nothing of them is ever sent.
create table order_lines (
  order_id uuid not null,
  line bigint not null,
  quantity bigint not null,
  fulfilled bigint not null,
  returned bigint not null,
  constraint order_lines_pk primary key (order_id, line),
  constraint order_lines_fulfilled check (fulfilled = 0 or (fulfilled > 0 and fulfilled <= quantity)),
  constraint order_lines_returned check (returned >= 0 and returned <= fulfilled)
);

-- Parcels. `lines` is JSON.
create table fulfilments (
  order_id uuid not null,
  fulfilment_id uuid not null,
  lines text not null,
  carrier text,
  tracking text,
  at bigint not null,
  constraint fulfilments_pk primary key (order_id, fulfilment_id)
);

-- Goods that come back. `lines` is JSON, `refund` what is owed for them.
create table returns (
  order_id uuid not null,
  return_id uuid not null,
  lines text not null,
  reason text,
  restock smallint not null,
  refund bigint not null,
  refunded smallint not null,
  at bigint not null,
  constraint returns_pk primary key (order_id, return_id),
  constraint returns_refund check (refund >= 0)
);

-- Money that went back, by the refund's key at the provider: each counts once.
create table refunds (
  order_id uuid not null,
  refund_key text not null,
  return_id uuid,
  amount bigint not null,
  at bigint not null,
  constraint refunds_pk primary key (order_id, refund_key),
  constraint refunds_amount check (amount >= 0)
);

-- What happened to an order: its timeline and the outbox in one. `sequence` is the order's version after it.
create table order_events (
  order_id uuid not null,
  sequence bigint not null,
  event_id uuid not null,
  kind text not null,
  message text not null,
  data text not null,
  at bigint not null,
  published smallint not null,
  constraint order_events_pk primary key (order_id, sequence)
);
create index order_events_unpublished on order_events (order_id, sequence) where published = 0;

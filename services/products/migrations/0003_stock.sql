-- What there is of each variant. The check is the last word on overselling.
create table stock (
  variant_id uuid not null,
  product_id uuid not null,
  sku text not null,
  on_hand bigint not null,
  reserved bigint not null,
  retired smallint not null,
  constraint stock_pk primary key (variant_id),
  constraint stock_covers_reserved check (reserved >= 0 and on_hand >= reserved)
);

-- The lines of reservations; also the ledger's lines of holds made and settled. A key that was released before it
-- was ever reserved is a single line of no pieces.
create table holds (
  reservation_id uuid not null,
  line bigint not null,
  variant_id uuid not null,
  quantity bigint not null,
  state text not null,
  expires_at bigint not null,
  reserved_at bigint not null,
  settled_at bigint,
  constraint holds_pk primary key (reservation_id, line),
  constraint holds_quantity check (quantity > 0 or state = 'released'),
  constraint holds_state check (state in ('held', 'confirmed', 'released', 'expired'))
);
create index holds_open on holds (expires_at, reservation_id) where state = 'held' and line = 0;
create index holds_made on holds (variant_id, reserved_at, reservation_id);
create index holds_settled on holds (variant_id, settled_at, reservation_id) where settled_at is not null;

-- The ledger's other lines: goods received, corrected, counted, booked back in.
create table movements (
  variant_id uuid not null,
  movement_id uuid not null,
  kind text not null,
  on_hand_change bigint not null,
  reservation_id uuid,
  reason text,
  at bigint not null,
  constraint movements_pk primary key (variant_id, movement_id)
);
create index movements_by_time on movements (variant_id, at, movement_id);

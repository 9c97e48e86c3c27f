-- A cart is one row, so that one statement freezes all of it. `contents` is JSON: lines, note, e-mail, addresses.
create table carts (
  cart_id uuid not null,
  status text not null,
  -- Whose; null for a guest.
  customer_id uuid,
  -- The checkout that pays for it, or has.
  checkout_id uuid,
  -- The cart its lines went into.
  merged_into uuid,
  currency char(3) not null,
  contents text not null,
  version bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  constraint carts_pk primary key (cart_id),
  constraint carts_status check (status in ('open', 'paying', 'ordered', 'merged')),
  constraint carts_paid_by_checkout check ((status in ('paying', 'ordered')) = (checkout_id is not null)),
  constraint carts_merged_somewhere check ((status = 'merged') = (merged_into is not null))
);
create index carts_by_age on carts (updated_at);

-- The claim that gives a customer one cart. The cart may be ordered or gone by now: then the next one takes the claim.
create table customer_carts (
  customer_id uuid not null,
  cart_id uuid not null,
  constraint customer_carts_pk primary key (customer_id)
);

-- Tax rates and shipping zones: one row each, JSON, replaced whole.
create table settings (
  name text not null,
  value text not null,
  updated_at bigint not null,
  constraint settings_pk primary key (name)
);

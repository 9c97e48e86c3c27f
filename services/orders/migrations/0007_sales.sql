-- What was sold and what came back: a row for each product, SKU, day and currency. A projection of the orders, which can
-- be made anew from them at any time. What belongs to no product here (shipping, imported lines) has the nil product.
create table sales (
  product_id uuid not null,
  sku text not null,
  -- Days since 1970-01-01 in the shop's time zone.
  day bigint not null,
  currency char(3) not null,
  units bigint not null,
  gross bigint not null,
  units_back bigint not null,
  refunded bigint not null,
  constraint sales_pk primary key (product_id, sku, day, currency)
);
create index sales_by_day on sales (day, product_id);

-- What an order has added to the sales so far, JSON. Who adds more says which revision they have seen: so that each change
-- of an order is added once, whoever hears of it and however often.
create table counted_orders (
  order_id uuid not null,
  revision bigint not null,
  figures text not null,
  constraint counted_orders_pk primary key (order_id)
);

-- How far jobs have come that go on where they stopped, JSON.
create table jobs (
  name text not null,
  state text not null,
  version bigint not null,
  constraint jobs_pk primary key (name)
);

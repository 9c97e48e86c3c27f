-- A product is read and written whole: its options, variants, pictures and attributes are JSON within its row.
create table products (
  product_id uuid not null,
  slug text not null,
  title text not null,
  description text not null,
  brand text,
  category_id uuid,
  status text not null,
  tax_category text not null,
  options text not null,
  variants text not null,
  images text not null,
  attributes text not null,
  version bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  constraint products_pk primary key (product_id),
  constraint products_status check (status in ('draft', 'active', 'archived'))
);
create index products_by_status on products (status, product_id);
create index products_by_title on products (status, title, product_id);
create index products_by_brand on products (status, brand, product_id);

-- The claims that make slugs and SKUs unique over all products.
create table slugs (
  slug text not null,
  product_id uuid not null,
  constraint slugs_pk primary key (slug)
);
create table skus (
  sku text not null,
  variant_id uuid not null,
  product_id uuid not null,
  constraint skus_pk primary key (sku)
);

create table categories (
  category_id uuid not null,
  slug text not null,
  title text not null,
  parent_id uuid,
  position bigint not null,
  constraint categories_pk primary key (category_id)
);
create table category_slugs (
  slug text not null,
  category_id uuid not null,
  constraint category_slugs_pk primary key (slug)
);
-- One row: the count of changes to the tree.
create table category_trees (
  tree_id uuid not null,
  version bigint not null,
  constraint category_trees_pk primary key (tree_id)
);

-- What lists go by: each product under its category and all above it, and its lowest price in each currency.
create table product_categories (
  category_id uuid not null,
  status text not null,
  product_id uuid not null,
  constraint product_categories_pk primary key (category_id, status, product_id)
);
create table lowest_prices (
  product_id uuid not null,
  currency char(3) not null,
  status text not null,
  amount bigint not null,
  constraint lowest_prices_pk primary key (product_id, currency)
);
create index lowest_prices_by_amount on lowest_prices (status, currency, amount, product_id);

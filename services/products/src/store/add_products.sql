-- New products, many at a time.
insert into products (
  product_id,
  slug,
  title,
  description,
  brand,
  category_id,
  status,
  tax_category,
  options,
  variants,
  images,
  attributes,
  version,
  created_at,
  updated_at
)
values {rows:15}

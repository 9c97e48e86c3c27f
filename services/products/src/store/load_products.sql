-- Products of a list of ids.
select
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
from products
where product_id in {in}

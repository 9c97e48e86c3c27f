-- The next $2 active products after the id $1: what the search index is filled from.
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
where status = 'active' and product_id > $1
order by product_id
limit $2

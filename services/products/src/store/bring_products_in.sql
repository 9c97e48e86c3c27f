-- Brings the products in and below $1 into $2, a category that is now above it.
insert into product_categories (category_id, status, product_id)
select
  $2,
  status,
  product_id
from product_categories
where category_id = $1
on conflict (category_id, status, product_id) do nothing

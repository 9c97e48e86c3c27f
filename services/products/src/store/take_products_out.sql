-- Takes the products in and below $1 out of $2, a category that is no longer above it.
delete from product_categories
where category_id = $2 and (status, product_id) in (
  select
    status,
    product_id
  from product_categories
  where category_id = $1
)

-- Writes the product $1 anew, in the order of its columns, if it is still at version $16.
update products set
  slug = $2,
  title = $3,
  description = $4,
  brand = $5,
  category_id = $6,
  status = $7,
  tax_category = $8,
  options = $9,
  variants = $10,
  images = $11,
  attributes = $12,
  version = $13,
  created_at = $14,
  updated_at = $15
where product_id = $1 and version = $16

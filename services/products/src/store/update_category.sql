-- Writes a category anew.
update categories set
  slug = $2,
  title = $3,
  parent_id = $4,
  position = $5
where category_id = $1

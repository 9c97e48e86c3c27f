-- The stock of a list of SKUs that are claimed by a product now.
select
  s.variant_id,
  s.sku,
  s.on_hand,
  s.reserved,
  s.retired
from skus as k
join stock as s on s.variant_id = k.variant_id
where k.sku in {in}

-- A page of sales by SKU: of the days $1 to $2 and the products $3 to $4, at most $5 after the key.
select
  null,
  product_id,
  sku,
  currency,
  cast(sum(units) as bigint),
  cast(sum(gross) as bigint),
  cast(sum(units_back) as bigint),
  cast(sum(refunded) as bigint)
from sales
where
  day >= $1
  and day <= $2
  and product_id >= $3
  and product_id <= $4
  and (units <> 0 or gross <> 0 or units_back <> 0 or refunded <> 0)
  and (product_id, sku, currency) > ($6, $7, $8)
group by product_id, sku, currency
order by product_id, sku, currency
limit $5

-- A page of sales by day: of the days $1 to $2 and the products $3 to $4, at most $5 after the key.
select
  day,
  null,
  null,
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
  and (day, currency) > ($6, $7)
group by day, currency
order by day, currency
limit $5

-- Removes at most $2 carts not touched since $1 that nobody needs: guests' open ones, ordered and merged ones.
delete from carts
where cart_id in (
  select cart_id
  from carts
  where updated_at < $1 and (status in ('ordered', 'merged') or (status = 'open' and customer_id is null))
  order by updated_at
  limit $2
)

-- A number holds 60 random bits of its order's id, so it needs no rule of its own, which would be wider than the key by
-- which orders are spread over machines. An imported order has its id from source and number: the primary key is the rule.
drop index orders_number;
create index orders_by_number on orders (number);

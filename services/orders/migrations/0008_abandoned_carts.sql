-- When a cart was found abandoned, and at which version: one that was touched since is abandoned no longer.
alter table carts add column abandoned_at bigint;
alter table carts add column abandoned_version bigint;
create index carts_abandoned on carts (abandoned_at, cart_id) where abandoned_at is not null;

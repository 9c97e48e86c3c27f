-- How many events were told of a variant's stock: the sequence of the next one.
alter table stock add column told bigint not null default 0;

-- How often a setting was replaced: nodes that share the data remember settings, and ask by it whether they still hold.
alter table settings add column version bigint not null default 0;

-- What nodes that share this data follow, so that none of them trusts what it remembers for too long. Whoever changes
-- the catalogue counts it in the row of the tree, which stays locked until the commit: so numbers become visible in their
-- order, and who has heard of one has heard of all before it. On embedded data nobody shares, and nothing is noted.
alter table category_trees add column changes bigint not null default 0;

create table catalogue_changes (
  number bigint not null,
  -- Tells a change from another that took its number after a database came back without its last commits.
  change_id uuid not null,
  kind text not null,
  subject_id uuid not null,
  at bigint not null,
  constraint catalogue_changes_pk primary key (number),
  constraint catalogue_changes_kind check (kind in ('product', 'category'))
);

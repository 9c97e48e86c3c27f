-- Counts $2 changes to the tree, and $3 to the catalogue as a whole. The row stays locked until the commit.
insert into category_trees (tree_id, version, changes)
values ($1, $2, $3)
on conflict (tree_id) do update set
  version = category_trees.version + excluded.version,
  changes = category_trees.changes + excluded.changes
returning version, changes

-- Counts a change to the tree.
insert into category_trees (tree_id, version)
values ($1, 1)
on conflict (tree_id) do update set
  version = category_trees.version + 1
returning version

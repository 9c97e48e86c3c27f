//! The category tree.

use std::collections::HashMap;
use std::sync::OnceLock;

use shoal_contract::products::{Category, CategoryCrumb, CategoryId, Error, NewCategory};
use shoal_types::Fault;

/// The most categories on the way from a root to a leaf, so that every walk ends.
const DEPTH_MAX: usize = 32;

/// All categories, as of a version.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    version: u64,
    categories: HashMap<CategoryId, Category>,
    slugs: HashMap<String, CategoryId>,
    listed: OnceLock<Vec<Category>>,
}

impl Tree {
    /// The tree of these categories, after `version` changes.
    pub(crate) fn new(version: u64, categories: Vec<Category>) -> Self {
        let slugs = categories.iter().map(|category| (category.slug.clone(), category.id)).collect();
        let categories = categories.into_iter().map(|category| (category.id, category)).collect();
        Self { version, categories, slugs, listed: OnceLock::new() }
    }

    /// How often it was changed; 0 if it is empty and new.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// How many categories there are.
    pub(crate) fn len(&self) -> usize {
        self.categories.len()
    }

    /// The category of an id.
    pub(crate) fn get(&self, id: CategoryId) -> Option<&Category> {
        self.categories.get(&id)
    }

    /// The category of a slug.
    ///
    /// # Errors
    /// `UnknownCategory`.
    pub(crate) fn find(&self, slug: &str) -> Result<&Category, Error> {
        let found = self.slugs.get(slug).and_then(|id| self.categories.get(id));
        found.ok_or_else(|| Error::UnknownCategory { slug: slug.to_owned() })
    }

    /// The category and all above it, the root first; empty if there is no such category.
    pub(crate) fn path(&self, id: CategoryId) -> Vec<CategoryCrumb> {
        let mut path: Vec<CategoryCrumb> = self
            .upwards(id)
            .map(|category| CategoryCrumb {
                id: category.id,
                slug: category.slug.clone(),
                title: category.title.clone(),
            })
            .collect();
        path.reverse();
        path
    }

    /// The ids of the category and all above it.
    pub(crate) fn lineage(&self, id: CategoryId) -> Vec<CategoryId> {
        self.upwards(id).map(|category| category.id).collect()
    }

    fn upwards(&self, id: CategoryId) -> impl Iterator<Item = &Category> {
        let above = |category: &&Category| category.parent.and_then(|parent| self.get(parent));
        // Writes forbid cycles and greater depths; the limit holds even if the stored rows are wrong.
        std::iter::successors(self.get(id), above).take(DEPTH_MAX)
    }

    /// Whether a category lies directly below `id`.
    pub(crate) fn has_children(&self, id: CategoryId) -> bool {
        self.categories.values().any(|category| category.parent == Some(id))
    }

    /// All categories, parents before children, siblings by position, then by slug.
    pub(crate) fn listed(&self) -> &[Category] {
        self.listed.get_or_init(|| {
            let mut below: HashMap<Option<CategoryId>, Vec<&Category>> = HashMap::new();
            for category in self.categories.values() {
                below.entry(category.parent).or_default().push(category);
            }
            for siblings in below.values_mut() {
                // The last one is taken first.
                siblings.sort_by(|a, b| (b.position, &b.slug).cmp(&(a.position, &a.slug)));
            }
            let mut listed = Vec::with_capacity(self.categories.len());
            let mut open = below.remove(&None).unwrap_or_default();
            while let Some(category) = open.pop() {
                listed.push(category.clone());
                open.extend(below.remove(&Some(category.id)).unwrap_or_default());
            }
            listed
        })
    }

    /// The category that `new` makes of `id`, which may be a new one.
    ///
    /// # Errors
    /// `SlugTaken`, `UnknownCategory` for the parent, `CategoryCycle`, `Invalid` for a tree deeper than 32.
    pub(crate) fn placed(&self, id: CategoryId, new: NewCategory) -> Result<Category, Error> {
        if self.slugs.get(&new.slug).is_some_and(|owner| *owner != id) {
            return Err(Error::SlugTaken { slug: new.slug });
        }
        let parent = new.parent.as_deref().map(|slug| self.find(slug)).transpose()?.map(|parent| parent.id);
        let above = parent.map(|parent| self.lineage(parent)).unwrap_or_default();
        if above.contains(&id) {
            return Err(Error::CategoryCycle {});
        }
        let moved = self.get(id).is_none_or(|old| old.parent != parent);
        if moved && above.len() + self.height(id) > DEPTH_MAX {
            let message = format!("a tree is at most {DEPTH_MAX} categories deep");
            return Err(Fault::invalid("parent", "too_deep", message).into());
        }
        Ok(Category { id, slug: new.slug, title: new.title, parent, position: new.position })
    }

    /// How many levels the category and those below it make: 1 for a leaf or a new one.
    fn height(&self, id: CategoryId) -> usize {
        if !self.categories.contains_key(&id) {
            return 1;
        }
        let depth = |category: &Category| self.lineage(category.id).iter().position(|above| *above == id);
        self.categories.values().filter_map(depth).max().unwrap_or(0) + 1
    }

    /// Puts a placed category in, or in the place of the one with its id.
    pub(crate) fn put(&mut self, category: Category) {
        if let Some(old) = self.categories.get(&category.id) {
            self.slugs.remove(&old.slug);
        }
        self.slugs.insert(category.slug.clone(), category.id);
        self.categories.insert(category.id, category);
        self.listed = OnceLock::new();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: u8) -> CategoryId {
        CategoryId::from_digest([number; 16])
    }

    fn new(slug: &str, parent: Option<&str>) -> NewCategory {
        NewCategory {
            slug: slug.to_owned(),
            title: slug.to_uppercase(),
            parent: parent.map(str::to_owned),
            position: 0,
        }
    }

    fn grown(names: &[(&str, Option<&str>)]) -> Tree {
        let mut tree = Tree::default();
        for (number, (slug, parent)) in (0..).zip(names) {
            let placed = tree.placed(id(number), new(slug, *parent)).expect("fits");
            tree.put(placed);
        }
        tree
    }

    #[test]
    fn a_path_leads_from_the_root() {
        let tree = grown(&[("home", None), ("kitchen", Some("home")), ("mugs", Some("kitchen"))]);
        let slugs: Vec<String> = tree.path(id(2)).into_iter().map(|crumb| crumb.slug).collect();
        assert_eq!(slugs, ["home", "kitchen", "mugs"]);
        assert_eq!(tree.path(id(9)), []);
    }

    #[test]
    fn a_category_cannot_be_below_itself() {
        let tree = grown(&[("home", None), ("kitchen", Some("home")), ("mugs", Some("kitchen"))]);
        for parent in ["home", "kitchen", "mugs"] {
            assert_eq!(tree.placed(id(0), new("home", Some(parent))), Err(Error::CategoryCycle {}));
        }
        assert_eq!(tree.placed(id(2), new("home", None)), Err(Error::SlugTaken { slug: "home".to_owned() }));
        assert_eq!(
            tree.placed(id(2), new("mugs", Some("attic"))),
            Err(Error::UnknownCategory { slug: "attic".to_owned() })
        );
    }

    #[test]
    fn a_tree_has_a_greatest_depth() {
        let slugs: Vec<String> = (0..DEPTH_MAX).map(|level| format!("level-{level}")).collect();
        let mut names: Vec<(&str, Option<&str>)> = vec![(&slugs[0], None)];
        names.extend(slugs.windows(2).map(|pair| (pair[1].as_str(), Some(pair[0].as_str()))));
        let mut tree = grown(&names);
        let deepest = slugs.last().map(String::as_str);
        assert!(matches!(tree.placed(id(99), new("deeper", deepest)), Err(Error::Fault(_))));
        let root = tree.placed(id(99), new("root", None)).expect("fits");
        tree.put(root);
        assert!(matches!(tree.placed(id(0), new("level-0", Some("root"))), Err(Error::Fault(_))));
    }

    proptest! {
        #[test]
        fn any_moves_leave_a_tree(moves in prop::collection::vec((0_u8..12, prop::option::of(0_u8..12)), 1..60)) {
            let mut tree = Tree::default();
            for (child, parent) in moves {
                let parent = parent.map(|parent| format!("c{parent}"));
                if let Ok(category) = tree.placed(id(child), new(&format!("c{child}"), parent.as_deref())) {
                    tree.put(category);
                }
            }
            let listed = tree.listed();
            prop_assert_eq!(listed.len(), tree.categories.len());
            for (place, category) in listed.iter().enumerate() {
                let before = |parent| listed[..place].iter().any(|earlier| earlier.id == parent);
                prop_assert!(category.parent.is_none_or(before));
                prop_assert_eq!(tree.find(&category.slug).map(|found| found.id), Ok(category.id));
            }
        }
    }
}

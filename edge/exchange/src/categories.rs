//! Categories made on the way, from the paths that products name.

use std::collections::HashMap;

use shoal_contract::products::NewCategory;

use crate::slug::{Slugs, slugify};

/// The tree as far as the file has shown it.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    slugs: Slugs,
    /// Path of titles to slug.
    known: HashMap<String, String>,
    fresh: Vec<(NewCategory, u64)>,
}

/// The deepest path.
const LEVELS_MAX: usize = 20;
/// Paths kept in memory, at most.
const PATHS_MAX: usize = 200_000;

impl Tree {
    /// The slug of the category at the end of `path`; those on the way that are new are remembered. The slug is made
    /// of the whole path, so that two categories of one name under different parents stay apart. None for an empty
    /// path, for one without a letter or digit, and past the limits.
    pub(crate) fn place(&mut self, path: &[String], line: u64) -> Option<String> {
        let mut key = String::new();
        let mut parent: Option<String> = None;
        if path.len() > LEVELS_MAX {
            return None;
        }
        for title in path {
            key.push_str(title);
            key.push('\u{1f}');
            if let Some(slug) = self.known.get(&key) {
                parent = Some(slug.clone());
                continue;
            }
            let own = slugify(title);
            if own.is_empty() || self.known.len() >= PATHS_MAX {
                return None;
            }
            let wanted = match &parent {
                Some(parent) => slugify(&format!("{parent} {own}")),
                None => own,
            };
            let slug = self.slugs.give(wanted, None, &key);
            let category = NewCategory { slug: slug.clone(), title: title.clone(), parent, position: 0 };
            self.fresh.push((category, line));
            self.known.insert(key.clone(), slug.clone());
            parent = Some(slug);
        }
        parent
    }

    /// The categories that are new since the last call, parents before children, with the line that named them first.
    pub(crate) fn take_fresh(&mut self) -> Vec<(NewCategory, u64)> {
        std::mem::take(&mut self.fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(titles: &[&str]) -> Vec<String> {
        titles.iter().map(|title| (*title).to_owned()).collect()
    }

    #[test]
    fn a_path_makes_its_categories_once_with_parents_first() {
        let mut tree = Tree::default();
        assert_eq!(tree.place(&path(&["Home", "Mugs"]), 2).as_deref(), Some("home-mugs"));
        assert_eq!(tree.place(&path(&["Work", "Mugs"]), 3).as_deref(), Some("work-mugs"));
        assert_eq!(tree.place(&path(&["Home", "Mugs"]), 4).as_deref(), Some("home-mugs"));
        let made: Vec<_> =
            tree.take_fresh().into_iter().map(|(made, line)| (made.slug, made.parent, line)).collect();
        let home = Some("home".to_owned());
        assert_eq!(made[..2], [("home".into(), None, 2), ("home-mugs".into(), home, 2)]);
        assert_eq!((made.len(), tree.take_fresh().len()), (4, 0));
    }

    #[test]
    fn titles_that_differ_only_in_signs_stay_two_categories() {
        let mut tree = Tree::default();
        assert_eq!(tree.place(&path(&["Liquor", "Mix <="]), 1).as_deref(), Some("liquor-mix"));
        assert_eq!(tree.place(&path(&["Liquor", "Mix"]), 2).as_deref(), Some("liquor-mix-2"));
        assert_eq!(tree.place(&path(&["§"]), 3), None);
    }
}

use std::collections::HashSet;

use shoal_contract::products::{ImportCategories, NewCategory};
use shoal_contract::users::Imported;
use shoal_types::Context;

use super::{Desk, Document, Spoiled, Stop, missing_section, needed, text_of};
use crate::Kind;
use crate::cells::Sheet;
use crate::convert;
use crate::group::Kept;
use crate::slug::slugify;
use crate::summary::Targets;

impl Document for NewCategory {
    const KIND: Kind = Kind::Categories;
    const IDENTITY: &'static str = "slug";

    fn build(desk: &mut Desk<'_>, sheet: &Sheet, rows: &[Kept]) -> Result<(Self, Vec<u64>), Spoiled> {
        let (Some(rules), [kept, ..]) = (&desk.mapping.rules.category, rows) else {
            return Err(missing_section());
        };
        let (row, line) = (kept.row(sheet), kept.line);
        let notes = &mut desk.notes;
        let mut read = || {
            let title = needed(text_of(rules.title.as_ref(), row)?, rules.title.as_ref(), "title")?;
            let slug = text_of(rules.slug.as_ref(), row)?.unwrap_or_else(|| slugify(&title));
            let parent = text_of(rules.parent.as_ref(), row)?;
            let position = match &rules.position {
                Some(rule) => convert::whole(rule, row, notes)?.unwrap_or_default(),
                None => 0,
            };
            Ok(Self { slug, title, parent, position })
        };
        read().map(|category| (category, Vec::new())).map_err(|bad| (line, bad))
    }

    fn identity(&self) -> String {
        self.slug.clone()
    }

    fn forget_category(&mut self, unmade: &HashSet<String>) {
        if self.parent.as_ref().is_some_and(|parent| unmade.contains(parent)) {
            self.parent = None;
        }
    }

    async fn write(
        targets: &Targets,
        cx: &Context,
        categories: Vec<Self>,
        dry_run: bool,
    ) -> Result<Vec<Imported>, Stop> {
        Ok(targets.products.import_categories(cx, ImportCategories { categories, dry_run }).await?)
    }
}

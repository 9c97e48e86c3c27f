use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use shoal_contract::orders::Orders;
use shoal_contract::products::Products;
use shoal_contract::users::{Imported, Users};

/// The houses an import writes to and an export reads from.
#[derive(Clone)]
pub struct Targets {
    /// The user service.
    pub users: Arc<dyn Users>,
    /// The product service.
    pub products: Arc<dyn Products>,
    /// The order service.
    pub orders: Arc<dyn Orders>,
}

/// What became of the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// New.
    pub created: u64,
    /// There, and changed.
    pub updated: u64,
    /// There, just so.
    pub unchanged: u64,
    /// Refused, by a rule of the import or by the house.
    pub refused: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, outcome: &Imported) {
        let count = match outcome {
            Imported::Created => &mut self.created,
            Imported::Updated => &mut self.updated,
            Imported::Unchanged => &mut self.unchanged,
            Imported::Refused { .. } => &mut self.refused,
        };
        *count += 1;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.created + self.updated + self.unchanged + self.refused
    }
}

/// What became of the rows. `read = imported + skipped + rejected`, unless the import was cancelled or stopped.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Rows {
    /// Read from the input; the header is no row.
    pub read: u64,
    /// Part of a document that went in, or was there just so.
    pub imported: u64,
    /// Left out by a rule of the mapping, by its reason.
    pub skipped: BTreeMap<String, u64>,
    /// Written to the report.
    pub rejected: u64,
}

impl Rows {
    /// Rows left out by rules of the mapping.
    pub fn skipped_total(&self) -> u64 {
        self.skipped.values().sum()
    }
}

/// Something worth knowing that stopped no row: a rounded amount, two times in one order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Note {
    /// How often.
    pub count: u64,
    /// The first of them, at most 5.
    pub examples: Vec<String>,
}

impl Note {
    pub(crate) fn put(&mut self, example: String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example);
        }
    }
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Whether it only checked.
    pub dry_run: bool,
    /// Whether it was asked to end early.
    pub cancelled: bool,
    /// The rows.
    pub rows: Rows,
    /// The documents made of them.
    pub documents: Counts,
    /// The categories made on the way.
    pub categories: Counts,
    /// Notes by their code: `rounded`, `several_values`, `unused_column`.
    pub notes: BTreeMap<String, Note>,
    /// The report of rejected rows, if there are any.
    pub rejects: Option<PathBuf>,
}

/// A few lines for people.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { documents, categories, rows, .. } = self;
        let mood = if self.dry_run { "would be " } else { "" };
        writeln!(
            f,
            "{mood}created {}, updated {}, unchanged {}, refused {}",
            documents.created, documents.updated, documents.unchanged, documents.refused
        )?;
        if categories.total() > 0 {
            writeln!(
                f,
                "categories: {mood}created {}, updated {}, unchanged {}, refused {}",
                categories.created, categories.updated, categories.unchanged, categories.refused
            )?;
        }
        let skipped = rows.skipped_total();
        writeln!(
            f,
            "rows: read {}, imported {}, skipped {skipped}, rejected {}",
            rows.read, rows.imported, rows.rejected
        )?;
        for (reason, count) in &rows.skipped {
            writeln!(f, "  skipped {count}: {reason}")?;
        }
        for (code, note) in &self.notes {
            let more = if note.count as usize > note.examples.len() { "; .." } else { "" };
            writeln!(f, "  note {code} ({}): {}{more}", note.count, note.examples.join("; "))?;
        }
        if let Some(rejects) = &self.rejects {
            writeln!(f, "rejected rows: {}", rejects.display())?;
        }
        if self.cancelled {
            writeln!(f, "ended early; run it again to go on")?;
        }
        Ok(())
    }
}

/// Notes as they are gathered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes(BTreeMap<String, Note>);

const EXAMPLES_MAX: usize = 5;

impl Notes {
    pub(crate) fn add(&mut self, code: &str, example: impl FnOnce() -> String) {
        let note = match self.0.get_mut(code) {
            Some(note) => note,
            None => self.0.entry(code.to_owned()).or_default(),
        };
        note.count += 1;
        if note.examples.len() < EXAMPLES_MAX {
            note.examples.push(example());
        }
    }

    /// Moves all of them into `into`.
    pub(crate) fn drain(&mut self, into: &mut BTreeMap<String, Note>) {
        for (code, note) in std::mem::take(&mut self.0) {
            let kept = into.entry(code).or_default();
            kept.count += note.count;
            let room = EXAMPLES_MAX.saturating_sub(kept.examples.len());
            kept.examples.extend(note.examples.into_iter().take(room));
        }
    }
}

//! The writing half of an import: batches to their house, outcomes to the summary and the report.

use std::collections::HashSet;

use shoal_contract::products::{ListCategories, NewCategory};
use shoal_contract::users::Imported;
use shoal_types::Context;

use crate::documents::{Document, Parsed, Stop};
use crate::mapping::Mapping;
use crate::progress::{Progress, Progressed};
use crate::reading::Batch;
use crate::report::Report;
use crate::{Error, Reject, Summary, Targets};

/// Categories in one call, at most.
const CATEGORIES_MAX: usize = 1_000;

/// Writes batches and keeps the books.
pub(crate) struct Writer<'a, F> {
    pub(crate) contexts: F,
    pub(crate) targets: &'a Targets,
    pub(crate) mapping: &'a Mapping,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) report: Report,
    pub(crate) summary: Summary,
    /// In a dry run: the categories that a real run would make.
    pub(crate) unmade: HashSet<String>,
    /// In a dry run: the categories that are there.
    pub(crate) present: Option<HashSet<String>>,
}

/// Why a batch could not be written.
pub(crate) enum Failure {
    House(Stop),
    Report(Error),
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        Self::House(stop)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Report(error)
    }
}

impl<F: Fn() -> Context + Send + Sync> Writer<'_, F> {
    /// Writes one batch. What was read is counted before, what became of it after.
    pub(crate) async fn write<D: Document>(&mut self, mut batch: Batch<D>) -> Result<(), Failure> {
        let rows = &mut self.summary.rows;
        rows.read += batch.rows;
        for (reason, count) in std::mem::take(&mut batch.skipped) {
            *rows.skipped.entry(reason).or_default() += count;
        }
        rows.rejected += batch.rejects.len() as u64;
        self.summary.documents.refused += batch.refused;
        batch.notes.drain(&mut self.summary.notes);
        for reject in &batch.rejects {
            self.report.add(reject)?;
        }
        let (bytes_read, bytes_total) = (batch.bytes_read, batch.bytes_total);
        self.categories(std::mem::take(&mut batch.categories)).await?;
        self.documents(batch.documents).await?;
        self.report.flush()?;
        self.progress.advance(Progressed {
            bytes_read,
            bytes_total,
            rows: self.summary.rows.read,
            refused: self.summary.rows.rejected,
        });
        Ok(())
    }

    async fn categories(&mut self, categories: Vec<(NewCategory, u64)>) -> Result<(), Failure> {
        let mut left = categories;
        while !left.is_empty() {
            let rest = left.split_off(left.len().min(CATEGORIES_MAX));
            let (mut wanted, lines): (Vec<_>, Vec<_>) = left.into_iter().unzip();
            let slugs: Vec<String> = wanted.iter().map(|category| category.slug.clone()).collect();
            self.forget_unmade(&mut wanted);
            let outcomes =
                NewCategory::write(self.targets, &(self.contexts)(), wanted, self.summary.dry_run).await?;
            for ((outcome, line), slug) in outcomes.iter().zip(lines).zip(&slugs) {
                self.summary.categories.add(outcome);
                if let Imported::Refused { code, message, .. } = outcome {
                    // No row goes with it: the products that need it are refused for themselves.
                    let note = format!("line {line}: category {slug} was refused: {message} ({code})");
                    self.summary.notes.entry("category_refused".into()).or_default().put(note);
                }
            }
            self.plan(slugs.into_iter()).await?;
            left = rest;
        }
        Ok(())
    }

    async fn documents<D: Document>(&mut self, parsed: Vec<Parsed<D>>) -> Result<(), Failure> {
        if parsed.is_empty() {
            return Ok(());
        }
        let mut documents = Vec::with_capacity(parsed.len());
        let mut origins = Vec::with_capacity(parsed.len());
        for Parsed { document, lines, parts, file } in parsed {
            documents.push(document);
            origins.push(Origin { lines, parts, file });
        }
        let slugs: Vec<String> = match D::KIND {
            crate::Kind::Categories => documents.iter().map(Document::identity).collect(),
            _ => Vec::new(),
        };
        self.forget_unmade(&mut documents);
        let asked = documents.len();
        let outcomes = D::write(self.targets, &(self.contexts)(), documents, self.summary.dry_run).await?;
        if outcomes.len() != asked {
            let message = format!("the service answered {} of {asked} documents", outcomes.len());
            return Err(Stop { code: "internal", message }.into());
        }
        for (outcome, origin) in outcomes.into_iter().zip(origins) {
            self.settle(outcome, &origin)?;
        }
        self.plan(slugs.into_iter()).await
    }

    fn settle(&mut self, outcome: Imported, origin: &Origin) -> Result<(), Failure> {
        self.summary.documents.add(&outcome);
        let rows = origin.lines.len() as u64;
        let Imported::Refused { code, field, message } = outcome else {
            self.summary.rows.imported += rows;
            return Ok(());
        };
        self.summary.rows.rejected += rows;
        let guilty = origin.line_of(field.as_deref());
        for &line in &origin.lines {
            let reject = if line == guilty {
                let column = field.as_deref().and_then(|field| self.mapping.column_of(field));
                let reject = Reject::new(line, &code, message.clone()).at(column, None);
                Reject { field: field.clone(), ..reject }
            } else {
                let reason = format!("line {guilty} of the same document was refused, so this one was too");
                Reject::new(line, "document_rejected", reason)
            };
            self.report.add(&Reject { file: origin.file.clone(), ..reject })?;
        }
        Ok(())
    }

    fn forget_unmade<D: Document>(&self, documents: &mut [D]) {
        if !self.unmade.is_empty() {
            documents.iter_mut().for_each(|document| document.forget_category(&self.unmade));
        }
    }

    /// In a dry run, remembers which categories later documents will not find although a real run would make them.
    async fn plan(&mut self, slugs: impl Iterator<Item = String> + Send) -> Result<(), Failure> {
        if !self.summary.dry_run {
            return Ok(());
        }
        let present = match &mut self.present {
            Some(present) => present,
            none => {
                let listed =
                    self.targets.products.list_categories(&(self.contexts)(), ListCategories {}).await;
                let listed = listed.map_err(Stop::from)?;
                none.insert(listed.into_iter().map(|category| category.slug).collect())
            }
        };
        self.unmade.extend(slugs.filter(|slug| !present.contains(slug)));
        Ok(())
    }
}

/// Where a document comes from.
struct Origin {
    lines: Vec<u64>,
    parts: Vec<u64>,
    file: Option<String>,
}

impl Origin {
    /// The line to blame for a field such as `lines[3].subtotal`; the first if the field is of the whole document.
    fn line_of(&self, field: Option<&str>) -> u64 {
        let part = field.and_then(|field| {
            let rest = field.strip_prefix("lines[").or_else(|| field.strip_prefix("variants["))?;
            rest.split(']').next()?.parse::<usize>().ok()
        });
        let line = part.and_then(|part| self.parts.get(part)).or(self.lines.first());
        line.copied().unwrap_or_default()
    }
}

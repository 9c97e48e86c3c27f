use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use shoal_contract::orders::PastOrder;
use shoal_contract::products::{NewCategory, NewProduct};
use shoal_contract::users::NewUser;
use shoal_types::Context;
use tokio::sync::mpsc;

use crate::documents::Document;
use crate::reading::{Job, read};
use crate::report::Report;
use crate::writing::{Failure, Writer};
use crate::{Cancel, Delimiter, Error, Format, Kind, Mapping, Progress, Summary, Targets};

/// Documents in one call of a house, at most.
const BATCH_MAX: usize = 1_000;

/// An import to be run.
#[derive(Debug, Clone)]
pub struct Import {
    /// What the file holds.
    pub kind: Kind,
    /// The file.
    pub input: PathBuf,
    /// How it is written; told by its ending if absent.
    pub format: Option<Format>,
    /// What its columns mean; those of our own CSV files if absent.
    pub mapping: Option<Mapping>,
    /// What stands between cells; the mapping's, or the comma, if absent.
    pub delimiter: Option<Delimiter>,
    /// Check everything, write nothing.
    pub dry_run: bool,
    /// Documents in one call of a house, 1 to 1,000.
    pub batch: usize,
    /// Where rejected rows are reported, as JSON lines; the file is made only if there are any.
    pub rejects: PathBuf,
    /// Ends the import after the batch at hand.
    pub cancel: Cancel,
}

impl Import {
    /// An import of our own documents with everything as usual: batches of 1,000, rejects to `FILE.rejects.jsonl`.
    pub fn new(kind: Kind, input: impl Into<PathBuf>) -> Self {
        let input = input.into();
        Self {
            kind,
            rejects: rejects_of(&input),
            input,
            format: None,
            mapping: None,
            delimiter: None,
            dry_run: false,
            batch: BATCH_MAX,
            cancel: Cancel::default(),
        }
    }

    /// Reads the file and hands its documents to their house, batch by batch; the next batch is read meanwhile.
    ///
    /// `contexts` makes the context of each call, on behalf of the system. Safe to repeat, also after a kill: what is
    /// there just so is counted as unchanged.
    ///
    /// # Errors
    /// `WrongKind`, `Mapping`, `Header`, `File`, `UnknownFormat` before anything is written; `File`, `TooLarge`,
    /// `Stopped` on the way: the batches before it are in. Bad rows are no errors, they are reported.
    pub async fn run(
        &self,
        contexts: impl Fn() -> Context + Send + Sync,
        targets: &Targets,
        progress: &dyn Progress,
    ) -> Result<Summary, Error> {
        match self.kind {
            Kind::Products => self.run_for::<NewProduct>(contexts, targets, progress).await,
            Kind::Users => self.run_for::<NewUser>(contexts, targets, progress).await,
            Kind::Orders => self.run_for::<PastOrder>(contexts, targets, progress).await,
            Kind::Categories => self.run_for::<NewCategory>(contexts, targets, progress).await,
        }
    }

    fn job(&self) -> Result<Job, Error> {
        let format = self.format.map_or_else(|| Format::of(&self.input), Ok)?;
        if format == Format::JsonLines && self.mapping.is_some() {
            let problem = "a mapping is for CSV; JSON lines hold our own documents".to_owned();
            return Err(Error::Header { file: self.input.clone(), problem });
        }
        let mapping = self.mapping.clone().map_or_else(|| Mapping::own(self.kind), Ok)?;
        if mapping.kind() != self.kind {
            let mapping_name = mapping.name().to_owned();
            return Err(Error::WrongKind { mapping: mapping_name, found: mapping.kind(), wanted: self.kind });
        }
        let batch = self.batch.clamp(1, BATCH_MAX);
        Ok(Job { input: self.input.clone(), format, mapping, delimiter: self.delimiter, batch })
    }

    async fn run_for<D: Document>(
        &self,
        contexts: impl Fn() -> Context + Send + Sync,
        targets: &Targets,
        progress: &dyn Progress,
    ) -> Result<Summary, Error> {
        let job = self.job()?;
        let mapping = job.mapping.clone();
        let mut writer = Writer {
            contexts,
            targets,
            mapping: &mapping,
            progress,
            report: Report::at(self.rejects.clone())?,
            summary: Summary { dry_run: self.dry_run, ..Summary::default() },
            unmade: HashSet::new(),
            present: None,
        };
        let (sender, mut batches) = mpsc::channel(1);
        let reading = tokio::task::spawn_blocking(move || read::<D>(&job, sender));
        let mut outcome = Ok(());
        while let Some(batch) = batches.recv().await {
            if self.cancel.is_cancelled() {
                writer.summary.cancelled = true;
                break;
            }
            outcome = match batch {
                Ok(batch) => writer.write(batch).await,
                Err(error) => Err(Failure::Report(error)),
            };
            if outcome.is_err() {
                break;
            }
        }
        drop(batches);
        // The thread ends at its next batch, now that nobody takes it.
        let ended = reading.await;
        writer.report.flush()?;
        let mut summary = writer.summary;
        summary.rejects = writer.report.path();
        match outcome {
            Ok(()) => {}
            Err(Failure::Report(error)) => return Err(error),
            Err(Failure::House(stop)) => {
                let summary = Box::new(summary);
                return Err(Error::Stopped { code: stop.code, message: stop.message, summary });
            }
        }
        match ended {
            Ok(()) => Ok(summary),
            Err(_) => {
                let message = "the reader of the file failed; please report it".to_owned();
                Err(Error::Stopped { code: "internal", message, summary: Box::new(summary) })
            }
        }
    }
}

fn rejects_of(input: &Path) -> PathBuf {
    let mut name = OsString::from(input);
    name.push(".rejects.jsonl");
    name.into()
}

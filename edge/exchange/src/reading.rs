//! The reading half of an import: files to batches of documents, on a thread of its own. The writing half takes one
//! batch while this one makes the next.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use shoal_contract::products::NewCategory;
use tokio::sync::mpsc;

use crate::categories::Tree;
use crate::cells::Sheet;
use crate::csv_rows::{CsvRows, Read};
use crate::documents::{Desk, Document, Parsed};
use crate::group::{Groups, Kept, Rows};
use crate::json_rows::JsonRows;
use crate::kind::{Delimiter, Format};
use crate::lookup::Lookup;
use crate::mapping::{Condition, Distinct, Mapping};
use crate::slug::Slugs;
use crate::summary::Notes;
use crate::{Error, Reject};

/// What is to be read.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) input: PathBuf,
    pub(crate) format: Format,
    pub(crate) mapping: Mapping,
    pub(crate) delimiter: Option<Delimiter>,
    /// Documents in a batch.
    pub(crate) batch: usize,
}

/// Documents that go to their house in one call, and what was seen while reading them.
pub(crate) struct Batch<D> {
    pub(crate) documents: Vec<Parsed<D>>,
    /// New categories that the documents need, parents first, with the line that named them.
    pub(crate) categories: Vec<(NewCategory, u64)>,
    pub(crate) rejects: Vec<Reject>,
    /// Documents that were refused here; their rows are among the rejects.
    pub(crate) refused: u64,
    pub(crate) rows: u64,
    pub(crate) skipped: BTreeMap<String, u64>,
    pub(crate) notes: Notes,
    pub(crate) bytes_read: u64,
    pub(crate) bytes_total: u64,
}

impl<D> Default for Batch<D> {
    fn default() -> Self {
        Self {
            documents: Vec::new(),
            categories: Vec::new(),
            rejects: Vec::new(),
            refused: 0,
            rows: 0,
            skipped: BTreeMap::new(),
            notes: Notes::default(),
            bytes_read: 0,
            bytes_total: 0,
        }
    }
}

/// Where batches go.
pub(crate) type Sender<D> = mpsc::Sender<Result<Batch<D>, Error>>;

/// Documents in one run, at most: each is remembered by what it is found again by.
const DOCUMENTS_MAX: usize = 5_000_000;
/// A batch goes on after so many rows even if they made few documents, so that progress is seen.
const BATCH_ROWS_MAX: u64 = 20_000;

/// Reads everything and sends it on. Ends early when nobody listens any more.
pub(crate) fn read<D: Document>(job: &Job, sender: Sender<D>) {
    let desk = Desk {
        mapping: &job.mapping,
        tree: Tree::default(),
        slugs: Slugs::default(),
        notes: Notes::default(),
    };
    let mut reader = Reader {
        job,
        desk,
        sender,
        batch: Batch::default(),
        seen: HashMap::new(),
        distinct: HashSet::new(),
        bytes_before: 0,
        bytes_total: 0,
    };
    let read = match job.format {
        Format::Csv => reader.csv(),
        Format::JsonLines => reader.json_lines(),
    };
    match read {
        Ok(()) => {
            // Nobody may be listening any more; then there is nobody to tell.
            let _ = reader.send();
        }
        Err(Ended::Cancelled) => {}
        Err(Ended::Failed(error)) => {
            let _ = reader.send();
            let _ = reader.sender.blocking_send(Err(error));
        }
    }
}

/// Why reading ended early.
enum Ended {
    Cancelled,
    Failed(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

struct Reader<'j, D> {
    job: &'j Job,
    desk: Desk<'j>,
    sender: Sender<D>,
    batch: Batch<D>,
    /// What each document is found again by, with its first line.
    seen: HashMap<Box<str>, u64>,
    distinct: HashSet<Vec<Box<str>>>,
    bytes_before: u64,
    bytes_total: u64,
}

impl<'j, D: Document> Reader<'j, D> {
    fn csv(&mut self) -> Result<(), Ended> {
        let job = self.job;
        let folder = job.input.parent().unwrap_or(Path::new(""));
        let files = self.files(folder)?;
        self.bytes_total = files.iter().map(|file| size(file)).sum();
        let mut lookups = job.mapping.read_lookups(folder)?;
        let mut groups = Groups::new(job.mapping.rules.group.as_ref());
        for (index, file) in files.iter().enumerate() {
            lookups = self.file(file, index > 0, lookups, &mut groups)?;
            self.bytes_before += size(file);
        }
        Ok(())
    }

    /// The input, and the files that the mapping reads after it.
    fn files(&mut self, folder: &Path) -> Result<Vec<PathBuf>, Error> {
        let mut files = vec![self.job.input.clone()];
        for also in &self.job.mapping.rules.also {
            let file = folder.join(&also.file);
            if file == self.job.input {
                continue;
            }
            if also.optional && !file.exists() {
                self.desk
                    .notes
                    .add("missing_file", || format!("{} is not there and was left out", file.display()));
                continue;
            }
            files.push(file);
        }
        Ok(files)
    }

    fn file(
        &mut self,
        file: &Path,
        further: bool,
        lookups: Vec<(String, Lookup)>,
        groups: &mut Groups<'j>,
    ) -> Result<Vec<(String, Lookup)>, Ended> {
        let rules = &self.job.mapping.rules;
        let delimiter = self.job.delimiter.or(rules.file.delimiter).unwrap_or_else(|| Delimiter::of(file));
        let mut rows = CsvRows::open(file, delimiter)?;
        let mut sheet = Sheet::new(rows.header().to_vec(), lookups);
        self.job.mapping.fits(&sheet, file)?;
        if further {
            sheet.file = file.file_name().map(|name| name.to_string_lossy().into_owned());
        } else {
            for column in self.job.mapping.unused(&sheet) {
                self.desk.notes.add("unused_column", || column.to_owned());
            }
        }
        while let Some(read) = rows.next()? {
            self.batch.rows += 1;
            self.batch.bytes_read = self.bytes_before + rows.bytes();
            let complete = match read {
                Read::Broken { reject, cells } => {
                    let kept = Kept { line: reject.line, cells };
                    groups.add(&sheet, kept, Some(reject), file)?
                }
                Read::Row { line, cells } => {
                    let kept = Kept { line, cells };
                    if self.left_out(&sheet, &kept)? {
                        Vec::new()
                    } else {
                        groups.add(&sheet, kept, None, file)?
                    }
                }
            };
            for rows in complete {
                self.document(&sheet, rows)?;
            }
            self.send_if_full()?;
        }
        for complete in groups.finish(&sheet) {
            self.document(&sheet, complete)?;
            self.send_if_full()?;
        }
        Ok(sheet.into_lookups())
    }

    /// Whether a rule of the mapping leaves the row out or refuses it; counts it if so.
    fn left_out(&mut self, sheet: &Sheet, kept: &Kept) -> Result<bool, Error> {
        let rules = &self.job.mapping.rules;
        let row = kept.row(sheet);
        if let Some(filter) = rules.skip_when.iter().find(|filter| filter.holds(row)) {
            self.skip(reason(filter));
            return Ok(true);
        }
        if let Some(filter) = rules.reject_when.iter().find(|filter| filter.holds(row)) {
            let code = filter.code.as_deref().unwrap_or("rejected_by_mapping");
            let reject = Reject::new(kept.line, code, reason(filter))
                .at(Some(&filter.column), Some(row.get(&filter.column)));
            self.reject(sheet, reject);
            return Ok(true);
        }
        match &rules.distinct {
            Some(distinct) => self.repeated(distinct, sheet, kept),
            None => Ok(false),
        }
    }

    fn repeated(&mut self, distinct: &Distinct, sheet: &Sheet, kept: &Kept) -> Result<bool, Error> {
        let row = kept.row(sheet);
        let key: Vec<Box<str>> = distinct.by.iter().map(|column| row.get(column).trim().into()).collect();
        if self.distinct.contains(&key) {
            self.skip(&distinct.reason);
            return Ok(true);
        }
        if self.distinct.len() == DOCUMENTS_MAX {
            return Err(self.too_many());
        }
        self.distinct.insert(key);
        Ok(false)
    }

    /// Makes a document of its rows, or rejects them all.
    fn document(&mut self, sheet: &Sheet, rows: Rows) -> Result<(), Error> {
        let Rows { kept, broken } = rows;
        let mut spoiled = broken;
        if spoiled.is_empty() {
            match D::build(&mut self.desk, sheet, &kept) {
                Ok((document, parts)) => {
                    let lines = kept.iter().map(|kept| kept.line).collect();
                    let file = sheet.file.clone();
                    return self.keep(Parsed { document, lines, parts, file });
                }
                Err((line, bad)) => spoiled.push(bad.at_line(line)),
            }
        }
        self.batch.refused += 1;
        let guilty = spoiled.first().map(|reject| reject.line).unwrap_or_default();
        for row in kept.iter().filter(|row| spoiled.iter().all(|reject| reject.line != row.line)) {
            let reason = format!("line {guilty} of the same document was rejected, so this one was too");
            self.reject(sheet, Reject::new(row.line, "document_rejected", reason));
        }
        spoiled.into_iter().for_each(|reject| self.reject(sheet, reject));
        Ok(())
    }

    /// Keeps a document unless an earlier one of this run is found again by the same.
    fn keep(&mut self, parsed: Parsed<D>) -> Result<(), Error> {
        let identity = parsed.document.identity();
        let line = parsed.lines.first().copied().unwrap_or_default();
        if let Some(earlier) = self.seen.get(identity.as_str()) {
            let mut reason = format!("line {earlier} has the same {}, {identity}", D::IDENTITY);
            if self.job.mapping.rules.group.is_some() && self.job.format == Format::Csv {
                reason.push_str("; if its rows are all over the file, say rows = \"anywhere\" under [group]");
            }
            self.batch.refused += 1;
            for &line in &parsed.lines {
                let reject = Reject::new(line, "duplicate", reason.clone());
                self.batch.rejects.push(Reject { file: parsed.file.clone(), ..reject });
            }
            return Ok(());
        }
        if self.seen.len() == DOCUMENTS_MAX {
            return Err(self.too_many());
        }
        self.seen.insert(identity.into(), line);
        self.batch.documents.push(parsed);
        Ok(())
    }

    fn too_many(&self) -> Error {
        let problem = format!("one run takes at most {DOCUMENTS_MAX} documents; split the file");
        Error::TooLarge { file: self.job.input.clone(), problem }
    }

    fn skip(&mut self, reason: &str) {
        match self.batch.skipped.get_mut(reason) {
            Some(count) => *count += 1,
            None => {
                self.batch.skipped.insert(reason.to_owned(), 1);
            }
        }
    }

    fn reject(&mut self, sheet: &Sheet, reject: Reject) {
        self.batch.rejects.push(Reject { file: sheet.file.clone(), ..reject });
    }

    fn json_lines(&mut self) -> Result<(), Ended> {
        self.bytes_total = size(&self.job.input);
        let mut rows = JsonRows::open(&self.job.input)?;
        while let Some(read) = rows.next::<D>()? {
            self.batch.rows += 1;
            self.batch.bytes_read = rows.bytes();
            match read {
                Ok((line, document)) => {
                    self.keep(Parsed { document, lines: vec![line], parts: Vec::new(), file: None })?;
                }
                Err(reject) => {
                    self.batch.refused += 1;
                    self.batch.rejects.push(*reject);
                }
            }
            self.send_if_full()?;
        }
        Ok(())
    }

    fn send_if_full(&mut self) -> Result<(), Ended> {
        let full = self.batch.documents.len() >= self.job.batch
            || self.batch.rows >= BATCH_ROWS_MAX
            || self.batch.rejects.len() >= self.job.batch;
        if full { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), Ended> {
        let bytes_read = self.batch.bytes_read;
        self.batch.categories = self.desk.tree.take_fresh();
        self.batch.notes = std::mem::take(&mut self.desk.notes);
        self.batch.bytes_total = self.bytes_total;
        let batch = std::mem::take(&mut self.batch);
        self.batch.bytes_read = bytes_read;
        self.sender.blocking_send(Ok(batch)).map_err(|_| Ended::Cancelled)
    }
}

fn reason(filter: &Condition) -> &str {
    // A filter without a reason does not pass the check of the mapping.
    filter.reason.as_deref().unwrap_or_default()
}

/// Bytes of a file; 0 if it cannot be told, which costs only the progress bar.
fn size(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |file| file.len())
}

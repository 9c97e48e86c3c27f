//! Rows that make one document.

use std::collections::HashMap;
use std::path::Path;

use csv::StringRecord;

use crate::cells::{Row, Sheet};
use crate::mapping::{Group, Neighbours};
use crate::{Error, Reject};

/// A row that is kept.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) line: u64,
    pub(crate) cells: StringRecord,
}

impl Kept {
    pub(crate) fn row<'a>(&'a self, sheet: &'a Sheet) -> Row<'a> {
        Row { sheet, line: self.line, cells: &self.cells }
    }
}

/// The rows of one document, and what is wrong with those that cannot be read.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) kept: Vec<Kept>,
    pub(crate) broken: Vec<Reject>,
}

/// Rows held in memory, at most, where they stand anywhere in the file.
pub(crate) const ROWS_MAX: usize = 1_000_000;
/// Rows that cannot be read in a row, at most, before they are given up.
const STRAYS_MAX: usize = 1_000;
/// Rows of one document, at most.
const DOCUMENT_ROWS_MAX: usize = 100_000;

/// Puts rows together by their key.
pub(crate) struct Groups<'m> {
    group: Option<&'m Group>,
    /// Where rows are adjacent: the key of those in `open`.
    key: Vec<String>,
    open: Rows,
    /// Rows that cannot be read, with the key they seem to have, until the next good row tells whose they are.
    strays: Vec<(Vec<String>, Reject)>,
    /// Where they are anywhere: the place in `all` of each key.
    places: HashMap<Vec<String>, usize>,
    all: Vec<Rows>,
    held: usize,
}

impl<'m> Groups<'m> {
    pub(crate) fn new(group: Option<&'m Group>) -> Self {
        Self {
            group,
            key: Vec::new(),
            open: Rows::default(),
            strays: Vec::new(),
            places: HashMap::new(),
            all: Vec::new(),
            held: 0,
        }
    }

    /// Takes a row, or what is wrong with one; gives the rows of documents that are complete.
    pub(crate) fn add(
        &mut self,
        sheet: &Sheet,
        row: Kept,
        broken: Option<Reject>,
        file: &Path,
    ) -> Result<Vec<Rows>, Error> {
        let Some(group) = self.group else {
            let mut rows = Rows::default();
            rows.put(row, broken);
            return Ok(vec![rows]);
        };
        let cell = |column: &String| row.row(sheet).get(column).trim().to_owned();
        let key: Vec<String> = group.by.iter().map(cell).collect();
        if group.rows == Neighbours::Anywhere {
            return self.hold(key, row, broken, file).map(|()| Vec::new());
        }
        if let Some(reject) = broken {
            return Ok(self.stray(key, reject));
        }
        let complete = if self.key == key {
            // What stands between rows of a document is of the document.
            self.open.broken.extend(std::mem::take(&mut self.strays).into_iter().map(|(_, reject)| reject));
            Vec::new()
        } else {
            self.close(group, sheet, &key)
        };
        self.key = key;
        if self.open.len() == DOCUMENT_ROWS_MAX {
            let problem = format!("more than {DOCUMENT_ROWS_MAX} rows have the key {}", self.key.join(", "));
            return Err(Error::TooLarge { file: file.to_owned(), problem });
        }
        self.open.put(row, None);
        Ok(complete)
    }

    /// Keeps a row that cannot be read until it is clear whose it is.
    fn stray(&mut self, key: Vec<String>, reject: Reject) -> Vec<Rows> {
        if key == self.key && self.strays.is_empty() {
            self.open.broken.push(reject);
            return Vec::new();
        }
        self.strays.push((key, reject));
        let many = self.strays.len() > STRAYS_MAX;
        if many { alone(std::mem::take(&mut self.strays)) } else { Vec::new() }
    }

    /// Ends the open document; strays go with the next one if they have its key, else each is by itself.
    fn close(&mut self, group: &Group, sheet: &Sheet, next: &[String]) -> Vec<Rows> {
        let open = std::mem::take(&mut self.open);
        let mut complete: Vec<Rows> = Some(open).filter(|rows| rows.len() > 0).into_iter().collect();
        complete.iter_mut().for_each(|rows| ordered(group, rows, sheet));
        let strays = std::mem::take(&mut self.strays);
        let (own, others): (Vec<_>, Vec<_>) = strays.into_iter().partition(|(key, _)| key == next);
        self.open.broken.extend(own.into_iter().map(|(_, reject)| reject));
        complete.extend(alone(others));
        complete
    }

    fn hold(
        &mut self,
        key: Vec<String>,
        row: Kept,
        broken: Option<Reject>,
        file: &Path,
    ) -> Result<(), Error> {
        if self.held == ROWS_MAX {
            let problem = format!(
                "rows = \"anywhere\" holds at most {ROWS_MAX} rows in memory; sort the file by the key of its \
                 documents and say rows = \"adjacent\""
            );
            return Err(Error::TooLarge { file: file.to_owned(), problem });
        }
        self.held += 1;
        let place = *self.places.entry(key).or_insert_with(|| {
            self.all.push(Rows::default());
            self.all.len() - 1
        });
        self.all[place].put(row, broken);
        Ok(())
    }

    /// The documents that are complete because the file has ended, in the order of their first rows.
    pub(crate) fn finish(&mut self, sheet: &Sheet) -> Vec<Rows> {
        let mut complete = std::mem::take(&mut self.all);
        let Some(group) = self.group else { return complete };
        complete.iter_mut().for_each(|rows| ordered(group, rows, sheet));
        complete.extend(self.close(group, sheet, &[]));
        (self.held, self.key) = (0, Vec::new());
        self.places.clear();
        complete
    }
}

/// Documents of which nothing could be read.
fn alone(strays: Vec<(Vec<String>, Reject)>) -> Vec<Rows> {
    strays.into_iter().map(|(_, reject)| Rows { kept: Vec::new(), broken: vec![reject] }).collect()
}

/// Puts the rows in the order their group asks for; those with equal text stay as they are.
fn ordered(group: &Group, rows: &mut Rows, sheet: &Sheet) {
    let Some(column) = &group.order_by else { return };
    rows.kept.sort_by(|a, b| {
        let (a, b) = (a.row(sheet).get(column), b.row(sheet).get(column));
        if group.descending { b.cmp(a) } else { a.cmp(b) }
    });
}

impl Rows {
    fn put(&mut self, row: Kept, broken: Option<Reject>) {
        match broken {
            Some(reject) => self.broken.push(reject),
            None => self.kept.push(row),
        }
    }

    fn len(&self) -> usize {
        self.kept.len() + self.broken.len()
    }
}

use std::collections::HashMap;
use std::path::Path;

use crate::Error;
use crate::csv_rows::{CsvRows, Read};
use crate::kind::Delimiter;

/// Rows of another file, found by a key: titles for the products of order lines.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    on: String,
    places: HashMap<String, usize>,
    rows: HashMap<Box<str>, Box<[Box<str>]>>,
}

/// Rows a lookup keeps, at most.
const ROWS_MAX: usize = 1_000_000;

impl Lookup {
    /// Reads the columns `wanted` of `file`. The first row of a key counts; rows that cannot be read are left out, as
    /// a row that is not there: who looks them up names a default.
    pub(crate) fn read(file: &Path, on: &str, key: &str, wanted: &[String]) -> Result<Self, Error> {
        let mut rows = CsvRows::open(file, Delimiter::of(file))?;
        let header = rows.header().to_vec();
        let place = |column: &str| {
            header.iter().position(|name| name == column).ok_or_else(|| Error::Header {
                file: file.to_owned(),
                problem: format!("there is no column {column}; there are: {}", header.join(", ")),
            })
        };
        let key = place(key)?;
        let sources: Vec<usize> = wanted.iter().map(|column| place(column)).collect::<Result<_, _>>()?;
        let mut lookup = Self {
            on: on.to_owned(),
            places: wanted.iter().cloned().zip(0..).collect(),
            rows: HashMap::new(),
        };
        while let Some(read) = rows.next()? {
            let Read::Row { cells, .. } = read else { continue };
            let cell = |place: usize| cells.get(place).unwrap_or_default().trim();
            if lookup.rows.len() == ROWS_MAX {
                let problem = format!("a lookup keeps at most {ROWS_MAX} rows in memory");
                return Err(Error::TooLarge { file: file.to_owned(), problem });
            }
            lookup
                .rows
                .entry(cell(key).into())
                .or_insert_with(|| sources.iter().map(|&source| cell(source).into()).collect());
        }
        Ok(lookup)
    }

    /// A lookup without rows, for a file that is not there and need not be.
    pub(crate) fn empty(on: &str, wanted: &[String]) -> Self {
        Self { on: on.to_owned(), places: wanted.iter().cloned().zip(0..).collect(), rows: HashMap::new() }
    }

    /// The column of the main file that holds the key.
    pub(crate) fn on(&self) -> &str {
        &self.on
    }

    pub(crate) fn place(&self, column: &str) -> Option<usize> {
        self.places.get(column).copied()
    }

    pub(crate) fn get(&self, key: &str, column: &str) -> &str {
        let cell = self.rows.get(key).zip(self.place(column)).and_then(|(row, place)| row.get(place));
        cell.map_or("", |cell| cell)
    }
}

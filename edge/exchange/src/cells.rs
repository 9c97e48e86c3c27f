//! Rows and their cells by the names of their columns.

use std::collections::HashMap;

use csv::StringRecord;

use crate::lookup::Lookup;

/// The columns of a file, with those of the files looked up for each row: `products.title`.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    /// The file, if it is not the one that was named.
    pub(crate) file: Option<String>,
    pub(crate) header: Vec<String>,
    places: HashMap<String, usize>,
    lookups: Vec<(String, Lookup)>,
}

impl Sheet {
    pub(crate) fn new(header: Vec<String>, lookups: Vec<(String, Lookup)>) -> Self {
        let places = header.iter().cloned().zip(0..).collect();
        Self { file: None, header, places, lookups }
    }

    pub(crate) fn place(&self, column: &str) -> Option<usize> {
        self.places.get(column).copied()
    }

    pub(crate) fn has(&self, column: &str) -> bool {
        self.places.contains_key(column)
            || self.lookup(column).is_some_and(|(lookup, name)| lookup.place(name).is_some())
    }

    fn lookup<'a>(&self, column: &'a str) -> Option<(&Lookup, &'a str)> {
        let (name, rest) = column.split_once('.')?;
        self.lookups.iter().find(|(known, _)| known == name).map(|(_, lookup)| (lookup, rest))
    }

    /// The sheet with its lookups taken out, for the next file.
    pub(crate) fn into_lookups(self) -> Vec<(String, Lookup)> {
        self.lookups
    }
}

/// A row of a sheet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) sheet: &'a Sheet,
    /// Where it begins in its file, from 1.
    pub(crate) line: u64,
    pub(crate) cells: &'a StringRecord,
}

impl<'a> Row<'a> {
    /// What stands in a column, untrimmed; empty if a file that is looked up lacks the row.
    pub(crate) fn get(self, column: &str) -> &'a str {
        if let Some(place) = self.sheet.place(column) {
            return self.cells.get(place).unwrap_or_default();
        }
        let Some((lookup, name)) = self.sheet.lookup(column) else { return "" };
        lookup.get(self.get(lookup.on()).trim(), name)
    }
}

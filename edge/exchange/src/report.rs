use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;

/// One rejected row, as it stands in the report: a JSON object a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Where the row begins, from 1; the header is a line too.
    pub line: u64,
    /// The file, if it is another than the one that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The column at fault, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Our field at fault, if one is: `variants[0].prices`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What stands in the column, at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Stable word for programs: `invalid_money`.
    pub code: String,
    /// A sentence.
    pub reason: String,
}

const VALUE_CHARS_MAX: usize = 200;

impl Reject {
    pub(crate) fn new(line: u64, code: &str, reason: impl Into<String>) -> Self {
        Self {
            line,
            file: None,
            column: None,
            field: None,
            value: None,
            code: code.to_owned(),
            reason: reason.into(),
        }
    }

    pub(crate) fn at(mut self, column: Option<&str>, value: Option<&str>) -> Self {
        self.column = column.map(str::to_owned);
        self.value = value.map(|value| value.chars().take(VALUE_CHARS_MAX).collect());
        self
    }
}

/// The report of rejected rows. The file is made with the first one; one of an earlier run goes at the start.
pub(crate) struct Report {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Report {
    pub(crate) fn at(path: PathBuf) -> Result<Self, Error> {
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::file(path, "replace the earlier report", &error)),
        }
        Ok(Self { path, file: None })
    }

    pub(crate) fn add(&mut self, reject: &Reject) -> Result<(), Error> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let made = File::create(&self.path).map_err(|error| self::unwritable(&self.path, &error))?;
                none.insert(BufWriter::new(made))
            }
        };
        serde_json::to_writer(&mut *file, reject)
            .map_err(io::Error::from)
            .and_then(|()| file.write_all(b"\n"))
            .map_err(|error| unwritable(&self.path, &error))
    }

    /// Writes out what is buffered, so that a kill loses no line of a finished batch.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.flush().map_err(|error| unwritable(&self.path, &error))
    }

    /// Where it is, if there is one.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        self.file.as_ref().map(|_| self.path.clone())
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    let problem = format!("cannot write the report of rejected rows: {error}; name another place for it");
    Error::File { file: path.to_owned(), problem }
}

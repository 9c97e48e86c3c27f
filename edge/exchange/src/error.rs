use std::path::PathBuf;

use crate::{Kind, Summary};

/// Why an import or export could not be done, or stopped on the way. Bad rows are no errors: they are reported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The mapping itself is wrong. Nothing was read.
    #[error("mapping {mapping}: {key}{}{problem}", if key.is_empty() { "" } else { ": " })]
    Mapping {
        /// Its file, or its name if it is a built-in one.
        mapping: String,
        /// The key at fault, as in `product.title`; empty if it is the file as a whole.
        key: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// There is no built-in mapping of this name, nor a file.
    #[error("there is no mapping {name}: give the path of a TOML file, or one of {}", known.join(", "))]
    UnknownMapping {
        /// What was asked for.
        name: String,
        /// The built-in ones.
        known: Vec<&'static str>,
    },
    /// The mapping is for something else.
    #[error("mapping {mapping} makes {found}, not {wanted}: run the import of {found}, or take another mapping", found = found.as_str(), wanted = wanted.as_str())]
    WrongKind {
        /// Its file or name.
        mapping: String,
        /// What it makes.
        found: Kind,
        /// What was asked for.
        wanted: Kind,
    },
    /// A file could not be opened, read or written.
    #[error("{}: {problem}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What the operating system says, and what was tried.
        problem: String,
    },
    /// The ending of the file's name says nothing of its format.
    #[error("{}: the ending tells no format; say csv or jsonl, or name it .csv, .tsv or .jsonl", file.display())]
    UnknownFormat {
        /// Which.
        file: PathBuf,
    },
    /// The header of a file does not fit.
    #[error("{}: {problem}", file.display())]
    Header {
        /// Which.
        file: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// More would have to be kept in memory than is allowed.
    #[error("{}: {problem}", file.display())]
    TooLarge {
        /// Which.
        file: PathBuf,
        /// The limit, and the way around it.
        problem: String,
    },
    /// A service stopped the work. What went in before stays; run it again to go on.
    #[error("stopped after {} rows: {message} ({code}); what went in stays, run it again to go on", summary.rows.read)]
    Stopped {
        /// The service's stable error code.
        code: &'static str,
        /// Its sentence.
        message: String,
        /// How far it came.
        summary: Box<Summary>,
    },
    /// A service did not answer an export.
    #[error("stopped: {message} ({code})")]
    Service {
        /// The service's stable error code.
        code: &'static str,
        /// Its sentence.
        message: String,
    },
}

impl Error {
    pub(crate) fn file(file: impl Into<PathBuf>, doing: &str, error: &std::io::Error) -> Self {
        Self::File { file: file.into(), problem: format!("cannot {doing}: {error}") }
    }
}

//! Import and export of products, users and orders: foreign files in, ours out.
//!
//! A file goes through the houses' own import methods in batches; what a row means is said by a mapping, a TOML
//! file, so that a foreign file needs no code. Every row is accounted for: it is imported, skipped by a rule of the
//! mapping and counted, or rejected and written to a report with its line, column and reason.

mod categories;
mod cells;
mod convert;
mod csv_rows;
mod documents;
mod error;
mod export;
mod group;
mod import;
mod json_rows;
mod kind;
mod lookup;
mod mapping;
mod number;
mod progress;
mod reading;
mod report;
mod slug;
mod summary;
mod writing;

pub use error::Error;
pub use export::{Export, Exported};
pub use import::Import;
pub use kind::{Delimiter, Format, Kind};
pub use mapping::Mapping;
pub use progress::{Cancel, Progress, Progressed, Silent};
pub use report::Reject;
pub use summary::{Counts, Note, Rows, Summary, Targets};

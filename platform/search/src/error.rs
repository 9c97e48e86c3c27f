use std::io::ErrorKind;
use std::sync::Arc;

use shoal_types::Fault;
use tantivy::TantivyError;
use tantivy::directory::error::{LockError, OpenReadError, OpenWriteError};

/// What can go wrong with an index. A query alone never does: the worst it gets is no hits.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A document names a field that the schema does not have, or gives it a value of another kind.
    #[error("the schema has no {kind} field {field:?}")]
    NoSuchField {
        /// The name used.
        field: &'static str,
        /// The kind of value given.
        kind: &'static str,
    },
    /// A document's key is empty or too long.
    #[error("a key has 1 to 256 bytes, not {len}")]
    KeyLength {
        /// The key's length in bytes.
        len: usize,
    },
    /// More searches are waiting than the index takes on. A retry is safe.
    #[error("too many searches are waiting")]
    Overloaded,
    /// The index was closed, or its feed has ended with the runtime.
    #[error("the index is closed")]
    Closed,
    /// The disk is full. Changes wait and are tried again.
    #[error("no room left to write the index")]
    StorageFull,
    /// The directory cannot be written to. Changes wait and are tried again.
    #[error("the index directory cannot be written to")]
    StorageReadOnly,
    /// Anything else the engine or the file system answers. Changes wait and are tried again.
    #[error("the search engine failed: {0}")]
    Engine(Arc<TantivyError>),
}

impl Error {
    pub(crate) fn internal(what: &str) -> Self {
        Self::Engine(Arc::new(TantivyError::SystemError(what.to_owned())))
    }
}

impl From<TantivyError> for Error {
    fn from(error: TantivyError) -> Self {
        match io_kind(&error) {
            Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => Self::StorageFull,
            Some(ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied) => Self::StorageReadOnly,
            _ => Self::Engine(Arc::new(error)),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        TantivyError::from(error).into()
    }
}

fn io_kind(error: &TantivyError) -> Option<ErrorKind> {
    match error {
        TantivyError::IoError(error) => Some(error.kind()),
        TantivyError::OpenWriteError(OpenWriteError::IoError { io_error, .. })
        | TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. }) => Some(io_error.kind()),
        TantivyError::LockFailure(LockError::IoError(io_error), _) => Some(io_error.kind()),
        _ => None,
    }
}

/// What a caller of the house hears; the cause is in the index's log.
impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Overloaded => Self::Overloaded {},
            Error::StorageFull => Self::StorageFull {},
            Error::StorageReadOnly => Self::StorageReadOnly {},
            Error::Closed | Error::Engine(_) => Self::Unavailable { what: "the search index".into() },
            Error::NoSuchField { .. } | Error::KeyLength { .. } => Self::Internal {},
        }
    }
}

//! What SQLite's and the system's error codes mean to us.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::{Constraint, ConstraintKind, Error};

/// The meaning of an error that the statement `name` met.
pub(super) fn from_sqlite(error: &rusqlite::Error, name: &'static str) -> Error {
    let detail = error.to_string();
    let code = match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            if code.code == ErrorCode::ConstraintViolation {
                return constraint(code.extended_code, message.as_deref().unwrap_or_default())
                    .unwrap_or(Error::Statement { name, detail });
            }
            code
        }
        rusqlite::Error::SqlInputError { error, .. } => error,
        _ => return Error::Statement { name, detail },
    };
    match code.code {
        ErrorCode::DiskFull => Error::Full { detail },
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Busy,
        ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
            Error::ReadOnly { detail }
        }
        ErrorCode::SystemIoFailure => from_io_code(code.extended_code, detail),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Error::Corrupt { detail },
        ErrorCode::OperationInterrupted => Error::DeadlineExceeded,
        _ => Error::Statement { name, detail },
    }
}

fn from_io_code(extended: i32, detail: String) -> Error {
    match extended {
        ffi::SQLITE_IOERR_READ | ffi::SQLITE_IOERR_SHORT_READ | ffi::SQLITE_IOERR_CORRUPTFS => {
            Error::Corrupt { detail }
        }
        // The shared index of the log could not grow: the disk has no room for it.
        ffi::SQLITE_IOERR_SHMSIZE => Error::Full { detail },
        _ => Error::ReadOnly { detail },
    }
}

/// SQLite says `UNIQUE constraint failed: users.email` or `CHECK constraint failed: stock_not_negative`.
fn constraint(extended: i32, message: &str) -> Option<Error> {
    let kind = match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            ConstraintKind::Unique
        }
        ffi::SQLITE_CONSTRAINT_CHECK => ConstraintKind::Check,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ConstraintKind::ForeignKey,
        ffi::SQLITE_CONSTRAINT_NOTNULL => ConstraintKind::NotNull,
        _ => return None,
    };
    let on = message.split_once("failed: ").map_or("", |(_, on)| on).to_owned();
    Some(Error::Constraint(Constraint { kind, on }))
}

/// The meaning of a failure to make or open `path`.
pub(super) fn from_io(error: &io::Error, path: &Path) -> Error {
    let detail = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full { detail },
        _ => Error::ReadOnly { detail },
    }
}

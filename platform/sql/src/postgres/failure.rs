//! What PostgreSQL's and the driver's errors mean to us.

use std::collections::HashMap;

use tokio_postgres::Error as DriverError;
use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::{Constraint, ConstraintKind, Error};

/// A statement, or a connection, that failed.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) kind: Kind,
}

/// What may be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing: it would fail again.
    Final,
    /// Another transaction was in the way; the whole of this one may be run again.
    Conflict,
    /// The connection is of no more use; the whole transaction may be run again on another.
    Lost,
}

/// The columns of each unique index of the schema, as `users.email`, by the index's name.
pub(super) type UniqueColumns = HashMap<String, String>;

impl Failure {
    pub(super) fn last(error: Error) -> Self {
        Self { error, kind: Kind::Final }
    }

    pub(super) fn lost(detail: impl Into<String>) -> Self {
        Self { error: Error::Unavailable { detail: detail.into() }, kind: Kind::Lost }
    }

    /// The meaning of an error that the statement `name` met.
    pub(super) fn of(error: &DriverError, name: &'static str, unique: &UniqueColumns) -> Self {
        match error.as_db_error() {
            Some(told) => from_server(told, name, unique).and_the_connection(told),
            None => from_driver(error, name),
        }
    }

    /// The meaning of an error that `begin`, `commit` or the like met: nothing was sent that could be mistaken.
    pub(super) fn of_control(error: &DriverError, unique: &UniqueColumns) -> Self {
        match error.as_db_error() {
            Some(_) => Self::of(error, "transaction", unique),
            None => Self::lost(in_full(error)),
        }
    }

    /// Whether the server let time run out.
    pub(super) fn is_late(&self) -> bool {
        self.kind == Kind::Final && self.error == Error::DeadlineExceeded
    }

    /// Whether it only follows from another statement's failure in the same transaction.
    pub(super) fn follows(&self) -> bool {
        self.error == Error::Again
    }

    /// The server says goodbye with its last error.
    fn and_the_connection(self, told: &DbError) -> Self {
        match told.parsed_severity() {
            Some(Severity::Fatal | Severity::Panic) if self.kind != Kind::Lost => Self::lost(told.message()),
            _ => self,
        }
    }

    /// What the body of a transaction is told: that it runs again, or why not.
    pub(super) fn for_body(&self) -> Error {
        if self.kind == Kind::Final { self.error.clone() } else { Error::Again }
    }
}

/// Codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub(super) fn from_server(told: &DbError, name: &'static str, unique: &UniqueColumns) -> Failure {
    let detail = told.message().to_owned();
    let code = told.code();
    if let Some(constraint) = constraint(told, unique) {
        return Failure::last(Error::Constraint(constraint));
    }
    match *code {
        SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::LOCK_NOT_AVAILABLE => Failure { error: Error::Busy, kind: Kind::Conflict },
        // Another statement of the same flight had failed before.
        SqlState::IN_FAILED_SQL_TRANSACTION => Failure { error: Error::Again, kind: Kind::Conflict },
        SqlState::QUERY_CANCELED => Failure::last(Error::DeadlineExceeded),
        SqlState::DISK_FULL => Failure::last(Error::Full { detail }),
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => Failure::last(Error::Corrupt { detail }),
        SqlState::INSUFFICIENT_PRIVILEGE
        | SqlState::INVALID_PASSWORD
        | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Failure::last(Error::Denied { detail }),
        // A primary that became a standby, or is on its way out or up: another host, or the same one later, will do.
        SqlState::READ_ONLY_SQL_TRANSACTION
        | SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::IDLE_SESSION_TIMEOUT
        | SqlState::TOO_MANY_CONNECTIONS => Failure::lost(detail),
        _ if code.code().starts_with("08") => Failure::lost(detail),
        _ => Failure::last(Error::Statement { name, detail: format!("{detail} ({})", code.code()) }),
    }
}

fn constraint(told: &DbError, unique: &UniqueColumns) -> Option<Constraint> {
    let rule = told.constraint().unwrap_or_default();
    let (kind, on) = match *told.code() {
        SqlState::UNIQUE_VIOLATION => {
            (ConstraintKind::Unique, unique.get(rule).cloned().unwrap_or_else(|| rule.to_owned()))
        }
        SqlState::CHECK_VIOLATION => (ConstraintKind::Check, rule.to_owned()),
        // SQLite does not name it.
        SqlState::FOREIGN_KEY_VIOLATION => (ConstraintKind::ForeignKey, String::new()),
        SqlState::NOT_NULL_VIOLATION => {
            let column = told.column().unwrap_or_default();
            (ConstraintKind::NotNull, format!("{}.{column}", told.table().unwrap_or_default()))
        }
        _ => return None,
    };
    Some(Constraint { kind, on })
}

/// What the driver has to say by itself. Whatever it is but a mistake in what was sent, nothing more can be expected of
/// the connection.
fn from_driver(error: &DriverError, name: &'static str) -> Failure {
    // The driver tells its kinds apart by their words only.
    const MISTAKES: [&str; 4] = ["error serializing", "error encoding", "error deserializing", "expected"];
    let detail = in_full(error);
    if MISTAKES.iter().any(|words| detail.starts_with(words)) {
        return Failure::last(Error::Statement { name, detail });
    }
    Failure::lost(detail)
}

/// The error with its causes.
pub(super) fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

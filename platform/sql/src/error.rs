use std::path::PathBuf;

use shoal_types::Fault;

use crate::{Constraint, ConstraintKind};

/// What can go wrong with a database. Houses match [`Error::Constraint`] and [`Error::GuardFailed`]; the rest
/// becomes a [`Fault`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A rule of the schema held a statement back. The transaction is rolled back.
    #[error("{0} failed")]
    Constraint(Constraint),
    /// A guarded statement of a batch changed another number of rows than wanted. The batch is rolled back.
    #[error("statement {index} changed {actual} rows instead of {expected}")]
    GuardFailed {
        /// Position of the statement in the batch, from 0.
        index: usize,
        /// Rows wanted.
        expected: u64,
        /// Rows changed.
        actual: u64,
    },
    /// Time ran out before the work was done. Nothing was written.
    #[error("the deadline passed before the statement ran")]
    DeadlineExceeded,
    /// The queue of writes is full. Nothing was written.
    #[error("the queue of writes is full")]
    Overloaded,
    /// The URL of a database cannot be used.
    #[error("the database URL cannot be used: {detail}")]
    Url {
        /// What is wrong with it.
        detail: String,
    },
    /// The database cannot be reached, or was lost on the way. Nothing was written.
    #[error("the database cannot be reached: {detail}")]
    Unavailable {
        /// The driver's or the system's words.
        detail: String,
    },
    /// The connection to the database was lost while it committed, and it could not be asked in time what became of
    /// the transaction: it happened as a whole, or not at all.
    #[error(
        "the connection was lost during the commit, and what became of it could not be found out in time"
    )]
    OutcomeUnknown,
    /// The connection cannot be encrypted, or the server's certificate is not to be trusted.
    #[error("no trusted encrypted connection to the database: {detail}")]
    Tls {
        /// Whose certificate, and why.
        detail: String,
    },
    /// The database does not let this user in, or not do this.
    #[error("the database refuses: {detail}")]
    Denied {
        /// The engine's words.
        detail: String,
    },
    /// The server has no such database.
    #[error("the server has no database {name}; make it with `create database {name}`")]
    NoDatabase {
        /// Its name.
        name: String,
    },
    /// Another process holds the database locked. Nothing was written.
    #[error("the database is locked by another process")]
    Busy,
    /// The disk is full. Nothing of the transaction was written.
    #[error("the disk is full: {detail}")]
    Full {
        /// The engine's words.
        detail: String,
    },
    /// The file or its directory cannot be written to. Nothing of the transaction was written.
    #[error("the database cannot be written to: {detail}")]
    ReadOnly {
        /// The engine's words.
        detail: String,
    },
    /// The file is damaged or cannot be read.
    #[error("the database is damaged or cannot be read: {detail}")]
    Corrupt {
        /// The engine's words.
        detail: String,
    },
    /// The data was written by a newer Shoal.
    #[error("{database} has schema version {found}, newer than {known}, the newest this program knows")]
    NewerSchema {
        /// The database's name.
        database: &'static str,
        /// Version in the database.
        found: u32,
        /// Newest version of this program.
        known: u32,
    },
    /// A migration that was applied is not the one this program has.
    #[error(
        "{database} was made with another text of migration {version}; migrations never change once applied"
    )]
    ChangedMigration {
        /// The database's name.
        database: &'static str,
        /// The migration.
        version: u32,
    },
    /// A process, maybe this one, has the database open already.
    #[error("{} is in use by another process", path.display())]
    AlreadyOpen {
        /// The lock file.
        path: PathBuf,
    },
    /// A restore into this directory was cut short: its data is neither the old nor the new.
    #[error("a restore into {} was cut short; run it again", directory.display())]
    UnfinishedRestore {
        /// Where.
        directory: PathBuf,
    },
    /// The data is being copied elsewhere.
    #[error(
        "the data in {place} is on its way to {to}: run `shoal move` again to finish that, or `shoal move --undo` to stay"
    )]
    Moving {
        /// Where it is.
        place: String,
        /// Where it goes.
        to: String,
    },
    /// Data is being copied here, and not all of it has arrived.
    #[error("the data in {place} is not complete: run `shoal move` from {from} again")]
    Incomplete {
        /// Where it is.
        place: String,
        /// Where the rest is.
        from: String,
    },
    /// The data is elsewhere now; what is here is what was left behind.
    #[error(
        "the data in {place} was moved to {to}: serve that, or run `shoal move --undo` to go on here instead"
    )]
    Moved {
        /// Where it was.
        place: String,
        /// Where it is.
        to: String,
    },
    /// The database was closed. Nothing was written.
    #[error("the database is closed")]
    Closed,
    /// A column does not hold what the program expects.
    #[error("column {index} holds {found} instead of {expected}")]
    Column {
        /// Position in the `select` list, from 0.
        index: usize,
        /// Type wanted.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// The engine refused a statement.
    #[error("statement {name}: {detail}")]
    Statement {
        /// Its name.
        name: &'static str,
        /// The engine's words.
        detail: String,
    },
    /// Another transaction was in the way, or the connection was lost: the layer runs this one again. Bodies may see
    /// it, callers do not.
    #[error("the transaction is run again")]
    Again,
    /// A statement of this transaction had failed before, so it cannot go on.
    #[error("a statement of this transaction had failed before")]
    Aborted,
    /// A transaction's body waited for something that is not the database.
    #[error("a transaction's body waited for something that is not the database")]
    Suspended,
    /// A transaction's body panicked.
    #[error("a transaction's body panicked: {message}")]
    Panicked {
        /// The panic's message.
        message: String,
    },
}

impl Error {
    /// Whether a row with these unique columns (`users.email`; `lines.cart_id, lines.sku_id`) exists already.
    pub fn is_unique(&self, columns: &str) -> bool {
        self.is_constraint(ConstraintKind::Unique, columns)
    }

    /// Whether the check of this name failed.
    pub fn is_check(&self, name: &str) -> bool {
        self.is_constraint(ConstraintKind::Check, name)
    }

    /// Whether a foreign key failed.
    pub fn is_foreign_key(&self) -> bool {
        matches!(self, Self::Constraint(constraint) if constraint.kind == ConstraintKind::ForeignKey)
    }

    fn is_constraint(&self, kind: ConstraintKind, on: &str) -> bool {
        matches!(self, Self::Constraint(constraint) if constraint.kind == kind && constraint.on == on)
    }
}

/// Logs what the caller must not see, once, and keeps what it may know.
impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::DeadlineExceeded => Self::DeadlineExceeded {},
            Error::Overloaded => Self::Overloaded {},
            // The layer forgets what the body makes of it.
            Error::Again => Self::Unavailable { what: "the database".to_owned() },
            Error::Busy
            | Error::Closed
            | Error::Unavailable { .. }
            | Error::OutcomeUnknown
            | Error::Tls { .. }
            | Error::Denied { .. }
            | Error::NoDatabase { .. }
            | Error::Moving { .. }
            | Error::Incomplete { .. }
            | Error::Moved { .. } => {
                tracing::warn!(%error, "database unavailable");
                Self::Unavailable { what: "the database".to_owned() }
            }
            Error::Full { .. } => {
                tracing::error!(%error, "database full");
                Self::StorageFull {}
            }
            Error::ReadOnly { .. } => {
                tracing::error!(%error, "database not writable");
                Self::StorageReadOnly {}
            }
            _ => {
                tracing::error!(%error, "database error");
                Self::Internal {}
            }
        }
    }
}

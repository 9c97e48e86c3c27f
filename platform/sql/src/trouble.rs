use crate::Error;

shoal_types::errors! {
    /// Why data cannot be opened, for whoever starts Shoal: each has a page in docs/errors.
    pub enum Trouble {
        /// The URL of the database cannot be read. It looks like `postgres://USER:PASSWORD@HOST:5432/DATABASE`; several
        /// hosts are separated by commas; letters with a meaning in URLs (`@`, `/`, `:`, `%`) are written as `%40` and so
        /// on. The message says which part is wrong. Nothing was written.
        Url { detail: String } => (Invalid, "database_url_invalid", "the database URL cannot be used: {detail}"),
        /// No host of the URL answers as a PostgreSQL server that takes writes. Check that the server runs, its address
        /// and port, and what firewalls lie between; with several hosts, that one of them is the primary. A node that
        /// runs already waits and goes on by itself when the database is back. Nothing was written.
        Unreachable { detail: String } => (Unavailable, "database_unreachable", "the database cannot be reached: {detail}"),
        /// The connection to the database is not encrypted, or not with a server to be trusted. Name the certificate
        /// that signed the server's with `sslrootcert=FILE`, use the host name in the certificate, renew it if it has
        /// expired. Only on a network that nobody else reads may it be `sslmode=disable`. Nothing was written.
        Tls { detail: String } => (Forbidden, "database_not_trusted",
            "no trusted encrypted connection to the database: {detail}"),
        /// The database does not let this user in, or not do this. Check name and password in the URL, `pg_hba.conf`,
        /// and the user's rights: the first start and each upgrade create schemas and tables, everyday work only reads
        /// and writes them. docs/operations.md has the statements. Nothing was written.
        Denied { detail: String } => (Forbidden, "database_denied", "the database refuses: {detail}"),
        /// The server has no database of this name. Make it with `create database`, or correct the URL.
        NoDatabase { name: String } => (NotFound, "database_missing", "the server has no database {name}"),
        /// The data was written by a newer Shoal. Run that version or a newer one: an older program does not know what
        /// the new tables mean, so it does not touch them.
        NewerSchema { detail: String } => (Conflict, "schema_too_new", "{detail}"),
        /// A migration that made this data has another text in this program. Both were not built from the same release;
        /// run the program that made the data. Nothing was written.
        ChangedMigration { detail: String } => (Conflict, "schema_changed", "{detail}"),
        /// Another process, maybe another node on this machine, has the data open. Stop it, or give this one a data
        /// directory of its own. Nothing was written.
        InUse { detail: String } => (Conflict, "data_in_use", "{detail}"),
        /// A restore was cut short while it put the data in place, so that some of it is old and some new. Run `shoal
        /// restore` again: it brings the restore to its end. What was there before is in a folder `replaced-..` of the
        /// data directory.
        UnfinishedRestore { detail: String } => (Conflict, "restore_unfinished", "{detail}"),
        /// A move of this data to another place has begun and has not ended. Run the same `shoal move` again: it goes on
        /// where it stopped. Or give it up with `shoal move --undo PLACE` and serve the data here as before.
        Moving { detail: String } => (Conflict, "data_moving", "{detail}"),
        /// A move of data to this place has begun and has not ended, so that only a part of it is here. Run the same
        /// `shoal move` again: it goes on where it stopped. If the move was given up, drop this database or remove this
        /// directory; the data is whole where it came from.
        Incomplete { detail: String } => (Conflict, "data_incomplete", "{detail}"),
        /// The data was moved to another place; what is here was left behind and is not what the shop has now. Serve the
        /// other place. Only if nothing was sold there yet: `shoal move --undo PLACE` lets the shop go on here instead.
        Moved { detail: String } => (Conflict, "data_moved", "{detail}"),
        /// The data is damaged or cannot be read. Keep a copy of the directory as it is, then restore the last backup.
        Corrupt { detail: String } => (Internal, "data_corrupt", "{detail}"),
    }
}

impl Trouble {
    /// What a database's error means to whoever starts Shoal, if it is more than a mistake of the program.
    pub fn of(error: &Error) -> Option<Self> {
        let detail = || error.to_string();
        Some(match error {
            Error::Url { detail } => Self::Url { detail: detail.clone() },
            Error::Unavailable { detail } => Self::Unreachable { detail: detail.clone() },
            Error::Tls { detail } => Self::Tls { detail: detail.clone() },
            Error::Denied { detail } => Self::Denied { detail: detail.clone() },
            Error::NoDatabase { name } => Self::NoDatabase { name: name.clone() },
            Error::NewerSchema { .. } => Self::NewerSchema { detail: detail() },
            Error::ChangedMigration { .. } => Self::ChangedMigration { detail: detail() },
            Error::AlreadyOpen { .. } => Self::InUse { detail: detail() },
            Error::UnfinishedRestore { .. } => Self::UnfinishedRestore { detail: detail() },
            Error::Moving { .. } => Self::Moving { detail: detail() },
            Error::Incomplete { .. } => Self::Incomplete { detail: detail() },
            Error::Moved { .. } => Self::Moved { detail: detail() },
            Error::Corrupt { .. } => Self::Corrupt { detail: detail() },
            _ => return None,
        })
    }
}

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::failure::from_sqlite;
use crate::{Durability, Error, Options};

/// Statements a connection keeps prepared.
const PREPARED_MAX: usize = 256;

/// The file of the database `name` in `directory`.
pub(super) fn path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.db"))
}

/// Opens the connection that writes, making the file if absent.
pub(super) fn open_writer(directory: &Path, options: &Options) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = open(&path(directory, options.name), flags)?;
    let synchronous = match options.durability {
        Durability::Full => "full",
        Durability::Process => "off",
    };
    // The log is checkpointed after 16 MiB: often enough to stay small, seldom enough to batch the page writes.
    let pragmas = format!(
        "pragma journal_mode = wal; pragma synchronous = {synchronous}; pragma foreign_keys = on;
         pragma wal_autocheckpoint = 4096; pragma journal_size_limit = 67108864; pragma cache_size = -16384;"
    );
    connection.execute_batch(&pragmas).map_err(|error| from_sqlite(&error, "open"))?;
    if let Some(pages) = options.pages_max {
        let pragma = format!("pragma max_page_count = {pages}");
        connection.execute_batch(&pragma).map_err(|error| from_sqlite(&error, "open"))?;
    }
    Ok(connection)
}

/// Opens a connection that only reads a file made before.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Error> {
    // A log needs its shared index written even by readers, hence not SQLITE_OPEN_READ_ONLY.
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let pragmas = "pragma query_only = on; pragma cache_size = -4096;";
    connection.execute_batch(pragmas).map_err(|error| from_sqlite(&error, "open"))?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    // Each connection is used by one thread at a time, so SQLite's own mutexes are not needed.
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| from_sqlite(&error, "open"))?;
    // Nobody else opens the file in normal work; this waits for an operator's `sqlite3` or a backup.
    // The file is not mapped into memory. That gains a fifth on reads the cache misses (measured), but counts as
    // resident memory, and a failing disk would end the process instead of a statement.
    let pragmas = "pragma busy_timeout = 5000; pragma temp_store = memory;";
    connection.execute_batch(pragmas).map_err(|error| from_sqlite(&error, "open"))?;
    connection.set_prepared_statement_cache_capacity(PREPARED_MAX);
    Ok(connection)
}

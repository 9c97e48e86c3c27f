use std::path::{Path, PathBuf};
use std::{fs, io};

use rusqlite::{Connection, OpenFlags};

use super::failure::{from_io, from_sqlite};
use crate::{Durability, Error, Options};

/// Statements a connection keeps prepared.
const PREPARED_MAX: usize = 256;

/// The file of the database `name` in `directory`.
pub(super) fn path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.db"))
}

/// Opens the connection that writes, making the file if absent.
pub(super) fn open_writer(directory: &Path, options: &Options) -> Result<Connection, Error> {
    let file = path(directory, options.name);
    if options.durability == Durability::Full {
        settle(directory, &file).map_err(|error| from_io(&error, &file))?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = open(&file, flags)?;
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

/// Makes durable what an earlier process has left, which may have been killed between a write and its sync.
///
/// SQLite reads such a write back from the memory of the machine and takes it for done, and so do we: a step that finds
/// itself done writes nothing, so nothing would sync it later. And a file counts only if every folder on its path is
/// listed on the disk too.
fn settle(directory: &Path, file: &Path) -> io::Result<()> {
    for left in [&file.with_extension("db-wal"), file] {
        match fs::OpenOptions::new().write(true).open(left) {
            Ok(left) => left.sync_data()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    for folder in directory.canonicalize()?.ancestors() {
        match fs::File::open(folder).and_then(|folder| folder.sync_all()) {
            Ok(()) => {}
            // Some file systems do that unasked and do not know the question; where we may not look we made nothing.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput
                        | io::ErrorKind::Unsupported
                        | io::ErrorKind::PermissionDenied
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
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

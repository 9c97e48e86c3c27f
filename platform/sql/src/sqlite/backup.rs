//! What it takes to keep a copy of embedded data and to bring it back: one consistent [`Snapshot`] of several files,
//! a look at what a copy holds, and a [`Claim`] under which copies take the place of the data.

mod claim;
mod marker;

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};

use super::failure::from_sqlite;
use super::migrate;
use crate::migration::pending;
use crate::{Error, Migration};

pub use super::snapshot::Snapshot;
pub use claim::Claim;
pub(super) use marker::refuse_unfinished;

/// Problems that are named of a damaged file.
const PROBLEMS_MAX: usize = 5;

/// What a file at rest holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The version of its schema.
    pub schema: u32,
    /// Its tables and the number of rows of each.
    pub rows: BTreeMap<String, u64>,
}

/// Reads a file that nobody writes through and through: its pages, indexes and constraints, its foreign keys, and
/// whether this program knows its schema. Changes nothing. Blocks.
///
/// # Errors
/// `Corrupt` names what is wrong with it; `NewerSchema`, `ChangedMigration`.
pub fn inspect(
    file: &Path,
    name: &'static str,
    migrations: &'static [Migration],
) -> Result<Inspected, Error> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let connection = connection.map_err(|error| from_sqlite(&error, "open"))?;
    let applied = migrate::recorded(&connection)?;
    pending(name, migrations, &applied)?;
    let schema = applied.last().map_or(0, |(version, _)| *version);
    let look = || Ok((problems(&connection)?, rows(&connection)?));
    let (problems, rows) = look().map_err(|error: rusqlite::Error| from_sqlite(&error, "inspect"))?;
    if problems.is_empty() { Ok(Inspected { schema, rows }) } else { Err(corrupt(file, &problems)) }
}

fn corrupt(file: &Path, problems: &[String]) -> Error {
    Error::Corrupt { detail: format!("{}: {}", file.display(), problems.join("; ")) }
}

fn problems(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = connection.prepare(&format!("pragma integrity_check({PROBLEMS_MAX})"))?;
    let found = check.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut problems: Vec<String> = found.into_iter().filter(|line| line != "ok").collect();
    let mut check = connection.prepare("pragma foreign_key_check")?;
    let broken =
        |row: &Row<'_>| Ok(format!("a row of {} names one that is not there", row.get::<_, String>(0)?));
    for broken in check.query_map([], broken)?.take(PROBLEMS_MAX) {
        problems.push(broken?);
    }
    Ok(problems)
}

fn rows(connection: &Connection) -> rusqlite::Result<BTreeMap<String, u64>> {
    let mut tables = connection.prepare(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'",
    )?;
    let tables = tables.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let count = |table: String| {
        let select = format!("select count(*) from \"{}\"", table.replace('"', "\"\""));
        let rows = connection.query_row(&select, [], |row| row.get::<_, i64>(0))?;
        Ok((table, u64::try_from(rows).unwrap_or_default()))
    };
    tables.into_iter().map(count).collect()
}

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::Error;

/// One step in the history of a schema. Never changed once released.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its place in the order, from 1.
    pub version: u32,
    /// Its file name.
    pub name: &'static str,
    /// Its statements, separated by semicolons.
    pub sql: &'static str,
}

impl Migration {
    /// Takes the version from the digits that `name` starts with.
    ///
    /// # Panics
    /// If it starts with none; at compile time when made by [`migrations!`](crate::migrations).
    pub const fn new(name: &'static str, sql: &'static str) -> Self {
        let bytes = name.as_bytes();
        let (mut version, mut place) = (0_u32, 0);
        while place < bytes.len() && bytes[place].is_ascii_digit() {
            version = version * 10 + (bytes[place] - b'0') as u32;
            place += 1;
        }
        assert!(version > 0, "a migration's name starts with its version, from 1: 0001_users.sql");
        Self { version, name, sql }
    }

    /// SHA-256 of its text in hexadecimal digits, by which `schema_migrations` tells that it was run.
    pub fn checksum(&self) -> String {
        checksum(self)
    }
}

/// The migrations that `applied` (version and checksum, in order) lacks.
///
/// # Errors
/// `NewerSchema` if it has one this program does not know, `ChangedMigration` if one has another text.
pub(crate) fn pending<'m>(
    database: &'static str,
    migrations: &'m [Migration],
    applied: &[(u32, String)],
) -> Result<&'m [Migration], Error> {
    assert!(
        migrations.is_sorted_by(|earlier, later| earlier.version < later.version),
        "the migrations of {database} are in order"
    );
    let known = migrations.last().map_or(0, |migration| migration.version);
    if let Some((found, _)) = applied.iter().find(|(version, _)| *version > known) {
        return Err(Error::NewerSchema { database, found: *found, known });
    }
    for (index, (version, found)) in applied.iter().enumerate() {
        let same = |migration: &Migration| migration.version == *version && checksum(migration) == *found;
        if !migrations.get(index).is_some_and(same) {
            return Err(Error::ChangedMigration { database, version: *version });
        }
    }
    Ok(&migrations[applied.len()..])
}

/// SHA-256 of a migration's text, in hexadecimal digits.
pub(crate) fn checksum(migration: &Migration) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(migration.sql) {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The migrations of a house, in order, from its `migrations` folder.
///
/// `pub const MIGRATIONS: &[Migration] = migrations!["0001_users.sql", "0002_addresses.sql"];`
#[macro_export]
macro_rules! migrations {
    ($($file:literal),* $(,)?) => {
        &[$($crate::Migration::new(
            $file,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $file)),
        )),*]
    };
}

use std::fmt::Write;

use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};
use shoal_types::Env;

use super::failure::from_sqlite;
use crate::{Error, Migration};

/// Brings the schema of the database `name` up to the newest of `migrations`, each in a transaction of its own.
/// A second run does nothing.
///
/// # Errors
/// `NewerSchema`, `ChangedMigration`, or what the engine answers; the failed migration leaves nothing behind.
pub(super) fn migrate(
    connection: &mut Connection,
    name: &'static str,
    migrations: &[Migration],
    env: &Env,
) -> Result<(), Error> {
    let applied = applied(connection)?;
    check(name, migrations, &applied)?;
    for migration in migrations.iter().skip(applied.len()) {
        apply(connection, migration, env)?;
        tracing::info!(database = name, migration = migration.name, "migration applied");
    }
    Ok(())
}

/// The versions and checksums in the database, in order.
fn applied(connection: &Connection) -> Result<Vec<(u32, String)>, Error> {
    let read = || {
        connection.execute_batch(
            "create table if not exists schema_migrations (
               version bigint not null,
               name text not null,
               checksum text not null,
               applied_at bigint not null,
               primary key (version)
             )",
        )?;
        let mut statement =
            connection.prepare("select version, checksum from schema_migrations order by version")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<Vec<_>, _>>()
    };
    read().map_err(|error| from_sqlite(&error, "migrations"))
}

fn check(database: &'static str, migrations: &[Migration], applied: &[(u32, String)]) -> Result<(), Error> {
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
    Ok(())
}

fn apply(connection: &mut Connection, migration: &Migration, env: &Env) -> Result<(), Error> {
    let mut run = || {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "insert into schema_migrations (version, name, checksum, applied_at) values (?1, ?2, ?3, ?4)",
            params![migration.version, migration.name, checksum(migration), env.now().as_micros()],
        )?;
        transaction.commit()
    };
    run().map_err(|error| from_sqlite(&error, migration.name))
}

fn checksum(migration: &Migration) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(migration.sql) {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

use rusqlite::{Connection, params};
use shoal_types::Env;

use super::failure::from_sqlite;
use crate::migration::{checksum, pending};
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
    for migration in pending(name, migrations, &applied)? {
        apply(connection, migration, env)?;
        tracing::info!(database = name, migration = migration.name, "migration applied");
    }
    Ok(())
}

/// The versions and checksums in the database, in order; it may be a new one.
fn applied(connection: &Connection) -> Result<Vec<(u32, String)>, Error> {
    let make = "create table if not exists schema_migrations (
       version bigint not null,
       name text not null,
       checksum text not null,
       applied_at bigint not null,
       primary key (version)
     )";
    connection.execute_batch(make).map_err(|error| from_sqlite(&error, "migrations"))?;
    recorded(connection)
}

/// The versions and checksums in a database that is not new, in order.
pub(super) fn recorded(connection: &Connection) -> Result<Vec<(u32, String)>, Error> {
    let read = || {
        let mut statement =
            connection.prepare("select version, checksum from schema_migrations order by version")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<Vec<_>, _>>()
    };
    read().map_err(|error| from_sqlite(&error, "migrations"))
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

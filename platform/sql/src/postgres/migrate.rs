//! The schema of a house: made, brought up to date, and known by its unique indexes.
//!
//! Several nodes may do so at once. Each migration is one transaction that begins by writing its own row, so that the
//! primary key of `schema_migrations` lets one node through; the others wait for it, and find the work done.

use shoal_types::Env;

use super::failure::{Failure, UniqueColumns};
use super::link::Link;
use crate::migration::{checksum, pending};
use crate::{Constraint, ConstraintKind, Error, Migration};

/// What was there a moment ago is no more free: a schema, a table, or the type that comes with each table.
const TAKEN: [&str; 3] = ["42P06", "42P07", "42710"];
/// How often, beside once for each migration, a step is taken again because another node took it at the same time.
const TRIES: usize = 20;

/// The layer's own tables in each schema. `commits` holds a mark for each commit of late: a commit whose answer was
/// lost is looked up there. `looked_up` is 0 as the transaction enters it and higher once it was looked up; below 0 the
/// look-up came first, and the transaction never can be.
pub const OWN_TABLES: &str = "create table if not exists schema_migrations (
  version bigint not null,
  name text not null,
  checksum text not null,
  applied_at bigint not null,
  constraint schema_migrations_pk primary key (version)
);
create table if not exists commits (
  commit_id uuid not null,
  looked_up bigint not null,
  constraint commits_pk primary key (commit_id)
);";

/// Brings the schema `schema` of the house `name` up to the newest of `migrations`. A second run does nothing, and
/// needs no right to change the schema.
///
/// # Errors
/// `NewerSchema`, `ChangedMigration`, `Denied`, or what the engine answers; a failed migration leaves nothing behind.
pub(super) async fn migrate(
    link: &Link,
    schema: &str,
    name: &'static str,
    migrations: &[Migration],
    env: &Env,
) -> Result<(), Failure> {
    let mut tries = 0;
    loop {
        let step = async {
            if !has_own_tables(link, schema).await? {
                link.control(&format!("create schema if not exists \"{schema}\"")).await?;
                link.control(OWN_TABLES).await?;
            }
            apply_pending(link, name, migrations, env).await
        };
        match step.await {
            Err(failure) if is_race(&failure.error) && tries < TRIES + migrations.len() => {
                // A transaction may be open that can only be given up.
                link.control("rollback").await?;
                tries += 1;
            }
            result => return result,
        }
    }
}

/// Whether another node did the same at the same time: its row, or its table, came first.
fn is_race(error: &Error) -> bool {
    let taken = |on: &str| on.starts_with("schema_migrations") || on.starts_with("pg_");
    match error {
        Error::Constraint(Constraint { kind: ConstraintKind::Unique, on }) => taken(on),
        Error::Busy => true,
        Error::Statement { detail, .. } => TAKEN.iter().any(|code| detail.ends_with(&format!("({code})"))),
        _ => false,
    }
}

async fn has_own_tables(link: &Link, schema: &str) -> Result<bool, Failure> {
    let sql = "select count(*) from information_schema.tables
        where table_schema = $1 and table_name in ('schema_migrations', 'commits')";
    let failed = |error| Failure::of(&error, "migrations", &UniqueColumns::new());
    let row = link.client().query_one(sql, &[&schema]).await.map_err(failed)?;
    Ok(row.try_get::<_, i64>(0).map_err(failed)? == 2)
}

async fn apply_pending(
    link: &Link,
    name: &'static str,
    migrations: &[Migration],
    env: &Env,
) -> Result<(), Failure> {
    let failed = |error| Failure::of(&error, "migrations", &UniqueColumns::new());
    let sql = "select version, checksum from schema_migrations order by version";
    let rows = link.client().query(sql, &[]).await.map_err(failed)?;
    let applied = rows.iter().map(|row| {
        let version: i64 = row.try_get(0)?;
        Ok((u32::try_from(version).unwrap_or(u32::MAX), row.try_get(1)?))
    });
    let applied: Vec<(u32, String)> = applied.collect::<Result<_, _>>().map_err(failed)?;
    for migration in pending(name, migrations, &applied).map_err(Failure::last)? {
        apply(link, migration, env).await?;
        tracing::info!(database = name, migration = migration.name, "migration applied");
    }
    Ok(())
}

async fn apply(link: &Link, migration: &Migration, env: &Env) -> Result<(), Failure> {
    let failed = |error| Failure::of(&error, migration.name, &UniqueColumns::new());
    // A migration of a large table takes longer than a request may.
    link.control("begin; set local statement_timeout to 0").await?;
    let sql = "insert into schema_migrations (version, name, checksum, applied_at) values ($1, $2, $3, $4)";
    let (version, applied_at) = (i64::from(migration.version), env.now().as_micros());
    let run = async {
        link.client()
            .execute(sql, &[&version, &migration.name, &checksum(migration), &applied_at])
            .await
            .map_err(failed)?;
        link.client().batch_execute(migration.sql).await.map_err(failed)?;
        link.client().batch_execute("commit").await.map_err(failed)
    };
    let applied = run.await;
    if applied.is_err() {
        link.control("rollback").await?;
    }
    applied
}

/// The columns of the schema's unique indexes, by which their violations are told.
pub(super) async fn unique_columns(link: &Link, schema: &str) -> Result<UniqueColumns, Failure> {
    let sql = "select i.relname::text, string_agg(t.relname || '.' || a.attname, ', ' order by k.place)
        from pg_index x
        join pg_class i on i.oid = x.indexrelid
        join pg_class t on t.oid = x.indrelid
        join pg_namespace n on n.oid = t.relnamespace
        cross join lateral unnest(x.indkey) with ordinality as k (number, place)
        join pg_attribute a on a.attrelid = t.oid and a.attnum = k.number
        where n.nspname = $1 and x.indisunique
        group by i.relname";
    let failed = |error| Failure::of(&error, "unique indexes", &UniqueColumns::new());
    let rows = link.client().query(sql, &[&schema]).await.map_err(failed)?;
    let pair = |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
    rows.iter().map(pair).collect::<Result<_, _>>().map_err(failed)
}

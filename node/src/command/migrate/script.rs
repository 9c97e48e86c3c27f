//! The schema as a script: each house's migrations as they are, with what an engine wants differently, and what tells
//! Shoal that they were run.

use std::fmt::Write;

use shoal_sql::OWN_TABLES;
use shoal_types::Timestamp;

use super::Target;
use super::keys::{HOUSES, House, Keyed, OWN, Spread};

/// The script for `target`. Whoever runs it finds nothing left to do for `shoal migrate`.
pub(super) fn script(target: Target, at: Timestamp) -> String {
    let mut script = String::from(head(target));
    for house in HOUSES {
        // Writing to a `String` cannot fail.
        let _ = write!(
            script,
            "\ncreate schema if not exists \"{0}\";\nset search_path to \"{0}\";\n\n",
            house.schema
        );
        script.push_str(&statements(target, OWN_TABLES, OWN));
        for migration in house.migrations {
            let _ = write!(script, "\n-- {}\n", migration.name);
            script.push_str(&statements(target, migration.sql, house.tables));
        }
        script.push('\n');
        for migration in house.migrations {
            let (version, name, checksum) = (migration.version, migration.name, migration.checksum());
            let at = at.as_micros();
            let _ = writeln!(
                script,
                "insert into schema_migrations (version, name, checksum, applied_at) values ({version}, '{name}', \
                 '{checksum}', {at});"
            );
        }
        if target == Target::Citus {
            distribute(&mut script, house);
        }
    }
    script
}

/// What the reader should know before running it.
fn head(target: Target) -> &'static str {
    match target {
        Target::Postgres => {
            "-- Shoal's schema for PostgreSQL. `shoal migrate` does the same.\n\
             -- Run it in an empty database: psql --single-transaction -v ON_ERROR_STOP=1 -f FILE\n"
        }
        Target::Citus => {
            "-- Shoal's schema for Citus, spread over its workers. See docs/scale.md.\n\
             -- Run it on the coordinator, in an empty database: psql -v ON_ERROR_STOP=1 -f FILE\n\
             create extension if not exists citus;\n"
        }
        Target::Yugabyte => {
            "-- Shoal's schema for YugabyteDB. See docs/scale.md.\n\
             -- The first column of a primary key is hashed, as YSQL does by itself; indexes on times are ordered.\n\
             -- Run it in an empty database: ysqlsh -v ON_ERROR_STOP=1 -f FILE\n"
        }
        Target::Cockroach => {
            "-- Shoal's schema for CockroachDB. See docs/scale.md.\n\
             -- Keys that grow with time are spread by a hash of theirs where the key is one column.\n\
             -- Run it in an empty database: cockroach sql --set errexit=true -f FILE\n"
        }
    }
}

/// The statements of a migration, as `target` wants them.
fn statements(target: Target, sql: &str, tables: &[Keyed]) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut table = "";
    for line in sql.lines() {
        if let Some(rest) = line.strip_prefix("create table ") {
            table = rest.trim_start_matches("if not exists ").split([' ', '(']).next().unwrap_or_default();
        }
        let line = match target {
            Target::Yugabyte => ordered_index(line),
            Target::Cockroach if is_sequential(tables, table) => hashed_key(line),
            _ => None,
        }
        .unwrap_or_else(|| line.to_owned());
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// Columns that are compared by less and more: times. An index that starts with one is to be ordered.
const TIMES: &[&str] = &[
    "abandoned_at",
    "at",
    "created_at",
    "day",
    "due_at",
    "expires_at",
    "placed_at",
    "updated_at",
    "wake_at",
];

/// An index on a time, ordered where the engine would hash its first column.
fn ordered_index(line: &str) -> Option<String> {
    let is_index = line.starts_with("create index ") || line.starts_with("create unique index ");
    let (head, columns) = line.split_once(" (").filter(|_| is_index)?;
    let first = columns.split([',', ')']).next().filter(|first| TIMES.contains(first))?;
    Some(format!("{head} ({first} asc{}", &columns[first.len()..]))
}

/// Whether all new rows of a table would come at the end of its primary key.
fn is_sequential(tables: &[Keyed], name: &str) -> bool {
    tables.iter().any(|table| table.table == name && table.spread == Spread::InTime)
}

/// A primary key of one column, spread by a hash. One of several columns stays in order: the hash would be over all of
/// them, and the rows of one order or user would no longer lie together.
fn hashed_key(line: &str) -> Option<String> {
    let (head, rest) = line.split_once("primary key (")?;
    let (columns, end) = rest.split_once(')')?;
    (!columns.contains(',')).then(|| format!("{head}primary key ({columns}) using hash{end}"))
}

/// Spreads the tables of a house, those of a group alike; or puts the whole schema on one machine.
fn distribute(script: &mut String, house: &House) {
    script.push('\n');
    if house.together {
        let _ = writeln!(script, "select citus_schema_distribute('{}');", house.schema);
        return;
    }
    for Keyed { table, key, spread, with } in OWN.iter().chain(house.tables) {
        let schema = house.schema;
        let _ = match (spread, with) {
            (Spread::Whole, _) => writeln!(script, "select create_reference_table('{schema}.{table}');"),
            (_, None) => writeln!(
                script,
                "select create_distributed_table('{schema}.{table}', '{key}', colocate_with => 'none');"
            ),
            (_, Some(leader)) => writeln!(
                script,
                "select create_distributed_table('{schema}.{table}', '{key}', colocate_with => '{schema}.{leader}');"
            ),
        };
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    const TARGETS: [Target; 4] = [Target::Postgres, Target::Citus, Target::Yugabyte, Target::Cockroach];

    fn printed(target: Target) -> String {
        script(target, Timestamp::from_micros(7))
    }

    #[test]
    fn every_migration_is_printed_and_noted() {
        for target in TARGETS {
            let script = printed(target);
            for house in HOUSES {
                assert!(script.contains(&format!("set search_path to \"{}\";", house.schema)));
                for migration in house.migrations {
                    let noted = format!("'{}', '{}', 7);", migration.name, migration.checksum());
                    assert!(script.contains(&noted), "{target:?}: {noted}");
                }
            }
        }
        for migration in HOUSES.iter().flat_map(|house| house.migrations) {
            assert!(printed(Target::Postgres).contains(migration.sql.trim_end()), "{}", migration.name);
        }
    }

    #[test]
    fn citus_spreads_every_table_once() {
        let script = printed(Target::Citus);
        let calls: Vec<&str> = script.lines().filter(|line| line.starts_with("select create_")).collect();
        let (together, spread): (Vec<_>, Vec<_>) = HOUSES.iter().partition(|house| house.together);
        assert_eq!(calls.len(), spread.iter().map(|house| house.tables.len() + OWN.len()).sum::<usize>());
        for house in together {
            assert!(script.contains(&format!("select citus_schema_distribute('{}');", house.schema)));
        }
        let lines = "select create_distributed_table('orders.order_lines', 'order_id', colocate_with => 'orders.orders');";
        assert!(
            calls.contains(&lines) && calls.contains(&"select create_reference_table('orders.settings');")
        );
    }

    #[test]
    fn yugabyte_orders_what_is_asked_for_by_time() {
        let index = "create index a on t (wake_at, id) where done = 0;";
        let ordered = "create index a on t (wake_at asc, id) where done = 0;";
        assert_eq!(ordered_index(index).as_deref(), Some(ordered));
        assert_eq!(ordered_index("create index a on t (status, placed_at);"), None);
        // Every index that starts with a number, which is a time, is known as one.
        for house in HOUSES {
            let made = Connection::open_in_memory().expect("a database in memory");
            for migration in house.migrations {
                made.execute_batch(migration.sql).expect(migration.name);
            }
            let first = "select i.name, c.name from sqlite_schema as m join pragma_index_list(m.name) as i
                join pragma_index_info(i.name) as k on k.seqno = 0
                join pragma_table_info(m.name) as c on c.name = k.name
                where i.origin = 'c' and c.type = 'bigint'";
            let mut statement = made.prepare(first).expect("prepared");
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("read");
            for (index, column) in rows.map(|row: rusqlite::Result<(String, String)>| row.expect("a row")) {
                assert!(TIMES.contains(&column.as_str()), "{index} starts with {column}");
                assert!(printed(Target::Yugabyte).contains(&format!("({column} asc")), "{index}");
            }
        }
    }

    #[test]
    fn cockroach_spreads_single_keys_that_grow_with_time() {
        let script = printed(Target::Cockroach);
        assert!(script.contains("constraint orders_pk primary key (order_id) using hash"));
        assert!(script.contains("constraint order_lines_pk primary key (order_id, line),"));
        assert!(script.contains("constraint saga_claims_pk primary key (claim_id, attempt),"));
        assert!(script.contains("primary key (email)\n"), "a text that falls anywhere needs no hash");
    }
}

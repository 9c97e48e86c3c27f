//! The printed schema, run on a real server.

use std::process::Command;

use shoal_servers::{Options, Postgres};

/// What tells a schema: columns, indexes and checks.
const SHAPE: &str = "select string_agg(line, E'\\n' order by line) from (
    select table_schema || '.' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
      || coalesce(' ' || column_default, '') as line
    from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema')
    union all select indexdef from pg_indexes where schemaname not in ('pg_catalog', 'information_schema')
    union all select c.conrelid::regclass || ' ' || pg_get_constraintdef(c.oid) from pg_constraint as c
      where c.contype = 'c' and c.conrelid <> 0 and c.connamespace::regnamespace::text !~ '^(pg_|information_schema)'
  ) as lines";

/// What Citus checks before it spreads a table, for a server without it.
const CITUS: &str = "
create function create_distributed_table(spread text, key text, colocate_with text) returns void language plpgsql as $$
declare
  wide text;
begin
  perform 1 from pg_attribute where attrelid = spread::regclass and attname = key;
  if not found then
    raise exception '% has no column %', spread, key;
  end if;
  if colocate_with <> 'none' then
    perform colocate_with::regclass;
  end if;
  select indexrelid::regclass::text into wide from pg_index
  where indrelid = spread::regclass and indisunique and not exists (
    select 1 from pg_attribute where attrelid = indrelid and attname = key and attnum = any (indkey));
  if found then
    raise exception '% is unique without %', wide, key;
  end if;
end $$;
create function create_reference_table(whole text) returns void language sql as 'select whole::regclass';
create function citus_schema_distribute(together text) returns void language sql as 'select together::regnamespace';";

fn shoal(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_shoal")).args(arguments).output().expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn printed(target: &str) -> String {
    shoal(&["migrate", "--print", "--target", target])
}

/// A server of its own; none, which is said, where PostgreSQL is not installed.
fn server() -> Option<Postgres> {
    match Postgres::programs() {
        Ok(_) => Some(Postgres::start(Options::default()).expect("the server starts")),
        Err(missing) => {
            eprintln!("skipped: {missing}");
            None
        }
    }
}

#[test]
fn the_printed_schema_is_the_one_that_migrate_makes() {
    let Some(server) = server() else { return };
    let query = |database: &str, sql: &str| server.query(database, sql).expect("it runs");
    query("postgres", "create database printed");
    query("postgres", "create database migrated");
    query("printed", &printed("postgres"));
    let migrate = |database: &str| {
        let url = server.url(database);
        shoal(&["migrate", "--data", &url, "--log", "error"]);
    };
    migrate("migrated");
    // The built-in provider's schema is not made by a node without it.
    let house = SHAPE.replace("where table_schema", "where table_schema <> 'test_provider' and table_schema");
    let house = house.replace("where schemaname", "where schemaname <> 'test_provider' and schemaname");
    let house = house.replace(
        "where c.contype",
        "where c.connamespace::regnamespace::text <> 'test_provider' and c.contype",
    );
    assert_eq!(query("printed", &house), query("migrated", &house));

    // Nothing is left to do.
    let noted = "select string_agg(version || ' ' || checksum || ' ' || applied_at, ',' order by version)
        from orders.schema_migrations";
    let before = query("printed", noted);
    migrate("printed");
    assert_eq!(query("printed", noted), before);
}

#[test]
fn what_citus_would_refuse_is_not_printed() {
    let Some(server) = server() else { return };
    let query = |database: &str, sql: &str| server.query(database, sql);
    query("postgres", "create database spread").expect("made");
    query("spread", CITUS).expect("the checks are made");
    let script = printed("citus").replace("create extension if not exists citus;", "");
    let script = script
        .replace("select create_", "select public.create_")
        .replace("select citus_", "select public.citus_");
    query("spread", &script).expect("every table can be spread");
    // The check itself works: the rule that orders had before is refused.
    query("spread", "create unique index wide on orders.orders (number, source)").expect("made");
    let refused = query("spread", "select create_distributed_table('orders.orders', 'order_id', 'none')");
    assert!(refused.expect_err("it is refused").to_string().contains("unique without order_id"));
}

#[test]
fn the_other_engines_get_statements_of_their_own_and_the_rest_alike() {
    let Some(server) = server() else { return };
    let query = |database: &str, sql: &str| server.query(database, sql).expect("it runs");
    let mut shapes = Vec::new();
    for target in ["postgres", "yugabyte", "cockroach"] {
        let database = format!("for_{target}");
        query("postgres", &format!("create database {database}"));
        // An index on a time is ordered on PostgreSQL anyway; only CockroachDB knows keys with a hash.
        query(&database, &printed(target).replace(") using hash", ")"));
        shapes.push(query(&database, SHAPE));
    }
    assert!(shapes[0] == shapes[1] && shapes[0] == shapes[2]);
}

#[test]
fn a_target_without_print_is_not_understood() {
    let output = Command::new(env!("CARGO_BIN_EXE_shoal")).args(["migrate", "--target", "citus"]).output();
    assert_eq!(output.expect("the binary runs").status.code(), Some(2));
}

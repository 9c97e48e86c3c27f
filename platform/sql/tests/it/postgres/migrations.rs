//! Schemas that several nodes open at once, that are too new, that were changed, that may not be changed.

use shoal_servers::{Options as Wanted, Postgres};
use shoal_sql::{Database, Error, Migration, Options};

use super::{SOON, ask, database, feed, name_of, options, pond, start, weigh, within};
use crate::pond::MIGRATIONS;

/// Many steps, none of which could be taken twice.
const GROWN: &[Migration] = &[
    MIGRATIONS[0],
    Migration::new("0002_pond.sql", "create table ponds (id bigint not null, primary key (id));"),
    Migration::new("0003_first.sql", "insert into ponds (id) values (1);"),
    Migration::new("0004_depth.sql", "alter table ponds add column depth_cm bigint not null default 0;"),
    Migration::new("0005_more.sql", "insert into ponds (id, depth_cm) select id + 1, 30 from ponds;"),
    Migration::new("0006_index.sql", "create unique index ponds_depth on ponds (depth_cm);"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_is_brought_up_to_date_once_or_left_alone() {
    let Some(server) = start(Wanted::default()) else { return };
    each_migration_is_applied_once_by_many_that_open_at_once(&server).await;
    a_newer_or_changed_schema_is_refused_and_left_alone(&server).await;
    a_failed_migration_leaves_nothing_behind(&server).await;
    who_may_not_change_the_schema_may_use_it(&server).await;
    houses_share_a_database_and_no_table(&server).await;
}

fn grown(url: &str) -> Options {
    Options { migrations: GROWN, ..options(url) }
}

async fn each_migration_is_applied_once_by_many_that_open_at_once(server: &Postgres) {
    for _ in 0..3 {
        let url = database(server);
        let nodes: Vec<_> = (0..8).map(|_| tokio::spawn(Database::open(grown(&url)))).collect();
        let mut opened = Vec::new();
        for node in nodes {
            opened.push(node.await.expect("no panic").expect("opens"));
        }
        assert_eq!(ask(server, &url, "select count(*) || ' ' || max(version) from schema_migrations"), "6 6");
        assert_eq!(
            ask(server, &url, "select string_agg(id || ':' || depth_cm, ' ' order by id) from ponds"),
            "1:0 2:30"
        );
        for db in &opened {
            assert_eq!(db.check(crate::pond::sql::ALL).await, Ok(()));
        }
    }
}

/// All that a database has, so that a change would show.
fn content(server: &Postgres, url: &str) -> String {
    let tables = "select string_agg(concat_ws('.', table_schema, table_name, column_name), ' '
            order by table_schema, table_name, column_name)
        from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema')";
    let rows = "select string_agg(schema_migrations::text, ' ' order by version) from schema_migrations";
    format!("{} {}", ask(server, url, tables), ask(server, url, rows))
}

async fn a_newer_or_changed_schema_is_refused_and_left_alone(server: &Postgres) {
    const CHANGED: &[Migration] =
        &[Migration::new("0001_fish.sql", "create table fish (id bigint not null);"), GROWN[1]];
    let url = database(server);
    Database::open(grown(&url)).await.expect("opens").close().await;
    let before = content(server, &url);
    let refused = Database::open(options(&url)).await.err();
    assert!(matches!(refused, Some(Error::NewerSchema { database: "pond", known: 1, .. })), "{refused:?}");
    assert_eq!(content(server, &url), before);

    let url = database(server);
    Database::open(options(&url)).await.expect("opens").close().await;
    let before = content(server, &url);
    let refused = Database::open(Options { migrations: CHANGED, ..options(&url) }).await.err();
    assert_eq!(refused, Some(Error::ChangedMigration { database: "pond", version: 1 }));
    assert_eq!(content(server, &url), before);
}

async fn a_failed_migration_leaves_nothing_behind(server: &Postgres) {
    const BROKEN: &[Migration] = &[
        MIGRATIONS[0],
        Migration::new(
            "0002_pond.sql",
            "create table ponds (id bigint not null); insert into ponds (id) values (1), ('one');",
        ),
    ];
    let url = database(server);
    let broken: Vec<_> = (0..4)
        .map(|_| tokio::spawn(Database::open(Options { migrations: BROKEN, ..options(&url) })))
        .collect();
    for node in broken {
        let refused = node.await.expect("no panic").err();
        assert!(matches!(refused, Some(Error::Statement { name: "0002_pond.sql", .. })), "{refused:?}");
    }
    Database::open(grown(&url)).await.expect("the table of the failed migration is not there");
}

async fn who_may_not_change_the_schema_may_use_it(server: &Postgres) {
    let url = database(server);
    drop(pond(&url, 2).await);
    let grant = "create role keeper login password 'trout'; grant usage on schema pond to keeper;
        grant select, insert, update, delete on all tables in schema pond to keeper";
    ask(server, &url, grant);
    let keepers = url.replace(&format!("shoal:{}@", server.password()), "keeper:trout@");
    let db = Database::open(options(&keepers)).await.expect("it is up to date");
    assert_eq!((feed(&db, &within(SOON), 1).await, weigh(&db, 1).await), (Ok(1), 1));

    let before = content(server, &url);
    let refused = Database::open(grown(&keepers)).await.err();
    assert!(matches!(&refused, Some(Error::Denied { detail }) if detail.contains("pond")), "{refused:?}");
    assert_eq!(content(server, &url), before);
    assert_eq!(feed(&db, &within(SOON), 1).await, Ok(1), "the old program goes on");

    // Nor may it begin one.
    let empty = keepers.replace(name_of(&keepers), name_of(&database(server)));
    let refused = Database::open(options(&empty)).await.err();
    assert!(matches!(&refused, Some(Error::Denied { .. })), "{refused:?}");
    // Nor look into one that is not its own.
    ask(server, &url, "revoke all on all tables in schema pond from keeper");
    let refused = Database::open(options(&keepers)).await.err();
    assert!(matches!(&refused, Some(Error::Denied { .. })), "{refused:?}");
}

async fn houses_share_a_database_and_no_table(server: &Postgres) {
    let url = database(server);
    let one = pond(&url, 2).await;
    let other = Database::open(Options { name: "fish-market", ..options(&url) }).await.expect("opens");
    assert_eq!(feed(&one, &within(SOON), 1).await, Ok(1));
    assert_eq!(feed(&other, &within(SOON), 1).await, Ok(0), "it has no such fish");
    let schemas = "select string_agg(table_schema, ' ' order by table_schema) from information_schema.tables
        where table_name = 'fish'";
    assert_eq!(ask(server, &url, schemas), "fish_market pond");
}

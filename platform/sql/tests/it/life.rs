//! Opening, closing and growing older.

use shoal_sql::{Database, Error, Migration, Options};

use crate::pond::{Held, MIGRATIONS, add, count, embedded, options, queue};

const GROWN: &[Migration] = &[
    MIGRATIONS[0],
    Migration::new("0002_pond.sql", "create table pond (id bigint not null, primary key (id));"),
];

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Database::open(options(&folder.path().join("new/deep"))).await.expect("opens");
    add(&db, 1).await.expect("added");
    drop(db);
    let db = Database::open(options(&folder.path().join("new/deep"))).await.expect("opens again");
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn closing_finishes_the_queue_and_lets_go_of_the_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Database::open(options(folder.path())).await.expect("opens");
    let mut relay = db.on_commit();
    let held = Held::in_front_of(&db).await;
    let accepted = queue(add(&db, 1));
    let closing = queue(db.close());
    assert_eq!(add(&db, 2).await, Err(Error::Closed));
    held.let_go().await.expect("kept");
    closing.await;
    assert_eq!(accepted.await, Ok(1));
    assert!(relay.changed().await.is_err());
    db.close().await;

    assert_eq!(std::fs::metadata(folder.path().join("pond.db-wal")).map_or(0, |log| log.len()), 0);
    let again = Database::open(options(folder.path())).await.expect("the lock is free");
    assert_eq!(count(&again).await, 1);
    assert_eq!(add(&db, 3).await, Err(Error::Closed));
}

#[tokio::test]
async fn a_second_opener_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Database::open(options(folder.path())).await.expect("opens");
    let path = folder.path().join("pond.lock");
    assert_eq!(Database::open(options(folder.path())).await.err(), Some(Error::AlreadyOpen { path }));
    add(&db, 1).await.expect("the first goes on");
}

#[tokio::test]
async fn migrations_run_once_and_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    for migrations in [MIGRATIONS, GROWN, GROWN] {
        let options = Options { migrations, ..options(folder.path()) };
        Database::open(options).await.expect("opens").close().await;
    }
}

#[tokio::test]
async fn data_of_a_newer_program_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let grown = Options { migrations: GROWN, ..options(folder.path()) };
    Database::open(grown).await.expect("opens").close().await;
    let refused = Database::open(options(folder.path())).await.err();
    assert_eq!(refused, Some(Error::NewerSchema { database: "pond", found: 2, known: 1 }));
}

#[tokio::test]
async fn a_migration_that_was_changed_is_refused() {
    const CHANGED: &[Migration] =
        &[Migration::new("0001_fish.sql", "create table fish (id bigint not null);")];
    let folder = tempfile::tempdir().expect("a folder");
    Database::open(options(folder.path())).await.expect("opens").close().await;
    let refused = Database::open(Options { migrations: CHANGED, ..options(folder.path()) }).await.err();
    assert_eq!(refused, Some(Error::ChangedMigration { database: "pond", version: 1 }));
}

#[tokio::test]
async fn a_failed_migration_leaves_nothing_behind() {
    const BROKEN: &[Migration] = &[
        MIGRATIONS[0],
        Migration::new(
            "0002_pond.sql",
            "create table pond (id bigint not null); create table pond (id bigint);",
        ),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let refused = Database::open(Options { migrations: BROKEN, ..options(folder.path()) }).await.err();
    assert!(matches!(refused, Some(Error::Statement { name: "0002_pond.sql", .. })), "{refused:?}");
    let grown = Options { migrations: GROWN, ..options(folder.path()) };
    Database::open(grown).await.expect("the table of the failed migration is not there");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("pond.db"), "a letter to the fish ".repeat(100)).expect("written");
    let refused = Database::open(options(folder.path())).await.err();
    assert!(matches!(refused, Some(Error::Corrupt { .. })), "{refused:?}");
}

#[tokio::test]
async fn the_last_handle_may_be_dropped_by_a_write() {
    let db = embedded().await;
    let held = Held::in_front_of(&db).await;
    drop(db);
    // The write holds the last handle; it ends although nobody else waits for the database.
    held.let_go().await.expect("kept");
}

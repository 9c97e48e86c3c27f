//! Copies of embedded data, taken while it is written.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use rusqlite::Connection;
use shoal_sql::backup::{Claim, Inspected, Snapshot, inspect};
use shoal_sql::{Database, Durability, Error, Migration, Options, params};
use shoal_types::Env;
use tempfile::TempDir;

use crate::pond::{MIGRATIONS, add, context, options, sql};

const PONDS: [&str; 3] = ["spring", "brook", "lake"];
const SWIMMERS: i64 = 16;
/// Fish of one swimmer, at most.
const PLACES: i64 = 1_000_000;
const SNAPSHOTS: usize = 12;

async fn open(directory: &Path, name: &'static str) -> Database {
    let options = Options { name, durability: Durability::Full, ..options(directory) };
    Database::open(options).await.expect("opens")
}

/// Adds a fish to each pond, from the spring down to the lake, again and again; counts those that came all the way.
async fn swim(ponds: Vec<Database>, swimmer: i64, arrived: Arc<AtomicI64>, stop: Arc<AtomicBool>) {
    let mut step = 1;
    while !stop.load(Ordering::SeqCst) {
        for pond in &ponds {
            let id = swimmer * PLACES + step;
            add(pond, id).await.expect("a snapshot fails no write");
        }
        arrived.store(step, Ordering::SeqCst);
        step += 1;
    }
}

fn last_step(file: &Path, swimmer: i64) -> i64 {
    let copy = Connection::open(file).expect("it is a database");
    let last = "select coalesce(max(id) - ?1, 0) from fish where id between ?1 and ?1 + ?2";
    copy.query_row(last, [swimmer * PLACES, PLACES - 1], |row| row.get(0)).expect("it has fish")
}

fn copy_all(snapshot: &Snapshot, to: &Path) {
    for name in PONDS {
        let (mut told, file) = (0, to.join(format!("{name}.db")));
        snapshot
            .copy(name, &file, &mut |bytes| {
                told = bytes;
                true
            })
            .expect("it is copied");
        let size = file.metadata().expect("it is there").len();
        assert_eq!((told, size), (snapshot.size(name).expect("known"), told));
        inspect(&file, name, MIGRATIONS).expect("it is whole");
    }
    let files = std::fs::read_dir(to).expect("readable").count();
    assert_eq!(files, PONDS.len(), "a copy is one file, without a log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_under_load_is_one_point_of_all_files_and_fails_no_write() {
    let folder = TempDir::new().expect("a folder");
    let mut ponds = Vec::new();
    for name in PONDS {
        ponds.push(open(folder.path(), name).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let arrived: Vec<Arc<AtomicI64>> = (0..SWIMMERS).map(|_| Arc::default()).collect();
    let swimming: Vec<_> = (0..SWIMMERS)
        .zip(&arrived)
        .map(|(swimmer, arrived)| tokio::spawn(swim(ponds.clone(), swimmer, arrived.clone(), stop.clone())))
        .collect();

    for number in 0..SNAPSHOTS {
        let before: Vec<i64> = arrived.iter().map(|steps| steps.load(Ordering::SeqCst)).collect();
        let (data, to) = (folder.path().to_owned(), TempDir::new().expect("a folder"));
        let copies = to.path().to_owned();
        let copied = tokio::task::spawn_blocking(move || {
            let snapshot = Snapshot::take(&data, &PONDS, &Env::system()).expect("it is taken");
            copy_all(&snapshot, &copies);
            snapshot.held()
        });
        let held = copied.await.expect("no panic");
        println!("snapshot {number}: writes held up for {held:?}");
        for (swimmer, before) in (0..SWIMMERS).zip(before) {
            let steps = PONDS.map(|name| last_step(&to.path().join(format!("{name}.db")), swimmer));
            assert!(steps.is_sorted_by(|above, below| above >= below), "downstream first: {steps:?}");
            assert!(steps[0] - steps[2] <= 1, "one file is older than another: {steps:?}");
            assert!(steps[2] >= before, "acknowledged at {before}, but {steps:?}");
        }
    }
    stop.store(true, Ordering::SeqCst);
    for swimmer in swimming {
        swimmer.await.expect("no write failed");
    }
    let total: i64 = arrived.iter().map(|steps| steps.load(Ordering::SeqCst)).sum();
    println!("{total} fish came all the way");
    assert!(total > 100, "too little load to mean anything: {total}");
}

#[tokio::test]
async fn a_snapshot_stays_as_it_was_while_the_data_changes() {
    let folder = TempDir::new().expect("a folder");
    let pond = open(folder.path(), "lake").await;
    let add_many = async |from: i64| {
        let long = "x".repeat(300);
        let fish: Vec<_> = (from..from + 20_000).map(|id| params![id, format!("{id} {long}"), 1]).collect();
        pond.write(&context(), async move |tx| tx.execute_rows(sql::ADD_MANY, params![], &fish).await).await
    };
    add_many(0).await.expect("added");
    let snapshot = Snapshot::take(folder.path(), &["lake"], &Env::system()).expect("it is taken");
    add_many(20_000).await.expect("a pinned snapshot holds up no write");
    let file = folder.path().join("copy");
    let mut steps = 0;
    // More is written between the steps of the copy too.
    let name = folder.path().join("lake.db");
    snapshot
        .copy("lake", &file, &mut |_| {
            let other = Connection::open(&name).expect("it is there");
            other.execute("update fish set weight_g = weight_g + 1 where id < 1000", []).expect("changed");
            steps += 1;
            true
        })
        .expect("it is copied");
    assert!(steps > 2, "too small to be copied in steps: {steps}");
    let found = inspect(&file, "lake", MIGRATIONS).expect("it is whole");
    assert_eq!((found.schema, found.rows["fish"]), (1, 20_000));
    let copy = Connection::open(&file).expect("it is there");
    let heavier: i64 = copy
        .query_row("select count(*) from fish where weight_g > 1", [], |row| row.get(0))
        .expect("counted");
    assert_eq!(heavier, 0);
}

#[tokio::test]
async fn a_copy_that_is_ended_or_has_no_room_says_so() {
    let folder = TempDir::new().expect("a folder");
    let _pond = open(folder.path(), "lake").await;
    let snapshot = Snapshot::take(folder.path(), &["lake"], &Env::system()).expect("it is taken");
    let ended = snapshot.copy("lake", &folder.path().join("a"), &mut |_| false);
    assert_eq!(ended, Err(Error::Closed));
    let there = snapshot.copy("lake", &folder.path().join("a"), &mut |_| true);
    assert!(matches!(there, Err(Error::ReadOnly { .. })), "nothing is overwritten: {there:?}");
}

#[tokio::test]
async fn a_write_that_does_not_end_is_told_and_the_locks_are_given_back() {
    let folder = TempDir::new().expect("a folder");
    let (spring, lake) = (open(folder.path(), "spring").await, open(folder.path(), "lake").await);
    let endless = Connection::open(folder.path().join("lake.db")).expect("it is there");
    endless.execute_batch("begin immediate").expect("nobody writes");
    let data = folder.path().to_owned();
    let taken = tokio::task::spawn_blocking(move || {
        Snapshot::take(&data, &["spring", "lake"], &Env::system()).map(|snapshot| snapshot.held())
    });
    let mut id = 0;
    while !taken.is_finished() {
        id += 1;
        assert_eq!(add(&spring, id).await, Ok(1), "who waits for the lake must not keep the spring");
    }
    assert_eq!(taken.await.expect("no panic"), Err(Error::Busy));
    drop(endless);
    assert_eq!(add(&lake, 0).await, Ok(1));
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_said() {
    const NEWER: &[Migration] =
        &[Migration::new("0001_fish.sql", MIGRATIONS[0].sql), Migration::new("0002_x.sql", "select 1")];
    let folder = TempDir::new().expect("a folder");
    let pond = Database::open(Options { migrations: NEWER, ..options(folder.path()) }).await.expect("opens");
    pond.close().await;
    let file = folder.path().join("pond.db");
    let look = || inspect(&file, "pond", MIGRATIONS);
    assert!(matches!(look(), Err(Error::NewerSchema { found: 2, known: 1, .. })));
    let spoil = |sql: &str| Connection::open(&file).expect("it is there").execute_batch(sql).expect("spoilt");
    spoil("delete from schema_migrations where version = 2");
    let rows = [("catches", 0), ("fish", 0), ("schema_migrations", 1)];
    let rows = rows.map(|(table, rows)| (table.to_owned(), rows)).into();
    assert_eq!(look(), Ok(Inspected { schema: 1, rows }));
    spoil(
        "pragma foreign_keys = off; create table pike (prey bigint references fish (id)); insert into pike values (7)",
    );
    assert!(matches!(look(), Err(Error::Corrupt { detail }) if detail.contains("pike")));
    spoil("drop table pike; update schema_migrations set checksum = 'another'");
    assert!(matches!(look(), Err(Error::ChangedMigration { version: 1, .. })));
    std::fs::write(&file, "no database").expect("written");
    assert!(matches!(look(), Err(Error::Corrupt { .. })));
}

#[tokio::test]
async fn nobody_opens_data_that_is_claimed() {
    let folder = TempDir::new().expect("a folder");
    let claim = Claim::take(folder.path(), &["pond"]).expect("nobody has it");
    let refused = Database::open(options(folder.path())).await;
    assert!(matches!(refused, Err(Error::AlreadyOpen { .. })), "{refused:?}");
    drop(claim);
    let pond = Database::open(options(folder.path())).await.expect("opens");
    assert!(matches!(Claim::take(folder.path(), &["pond"]), Err(Error::AlreadyOpen { .. })));
    pond.close().await;
    assert!(Claim::take(folder.path(), &["pond"]).is_ok());
}

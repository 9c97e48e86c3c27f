//! Moving a house from one engine to the other: nothing is lost, nothing is served twice.

use std::path::Path;
use std::sync::{Arc, Mutex};

use shoal_sql::transfer::{Error, House, Move, Outcome, Phase, Progress, undo};
use shoal_sql::{Database, Error as SqlError, Options, Source, params, statements};
use shoal_types::{Context, Env};

use crate::harbour::{
    HOUSE, Harbour, MIGRATIONS, Ship, contents, file, open, refusal, ship, transfer, transfer_seeing,
};

statements! {
    mod sql {
        COUNT = "select count(*) from ships";
        SINK = "delete from berths where place < $1";
    }
}

/// Cuts the connections of nodes and moves, and waits until they are gone.
const CUT: &str = "select count(pg_terminate_backend(pid, 10000)) from pg_stat_activity
    where application_name like 'shoal-%'";

/// More than a few pages.
fn fleet() -> Vec<Ship> {
    (0..5_000).map(ship).collect()
}

async fn count(db: &Database) -> Result<i64, SqlError> {
    let cx = Context::system(&Env::system(), std::time::Duration::from_secs(30));
    Ok(db.read(&cx, async |tx| tx.find::<i64>(sql::COUNT, params![]).await).await?.unwrap_or(-1))
}

async fn sink(db: &Database) -> Result<u64, SqlError> {
    let cx = Context::system(&Env::system(), std::time::Duration::from_secs(30));
    db.write(&cx, async |tx| tx.execute(sql::SINK, params![0_i64]).await).await
}

fn refused(outcome: Result<Outcome, Error>) -> String {
    outcome.expect_err("it is refused").to_string()
}

/// Panics at this row, as if the process had been killed there.
fn killed_at(row: u64) -> impl FnMut(&Progress) {
    move |progress| assert!(progress.phase == Phase::Verifying || progress.rows < row, "killed")
}

#[tokio::test]
async fn a_moved_house_is_served_there_and_no_longer_here() {
    let harbour = Harbour::new();
    let here = harbour.with_ships("here", &fleet()).await;
    let there = harbour.postgres(&harbour.database());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let see = Arc::clone(&seen);
    let moved =
        transfer_seeing(&here, &there, move |at| see.lock().expect("no panic").push(at.clone())).await;
    let Ok(Outcome::Moved(compared)) = moved else { panic!("{moved:?}") };
    let tables: Vec<_> = compared.iter().map(|it| (it.table.as_str(), it.from.rows, it.is_same())).collect();
    assert_eq!(tables, [("counts", 1, true), ("ships", 5_000, true), ("berths", 5_000, true)]);
    let seen = std::mem::take(&mut *seen.lock().expect("no panic"));
    assert!(seen.is_sorted_by_key(|at| (at.phase == Phase::Verifying, at.rows)), "it only goes forward");
    let end = |phase| seen.iter().rfind(|at| at.phase == phase).map(|at| (at.rows, at.rows_total));
    assert_eq!(end(Phase::Copying), Some((10_001, 10_001)));
    assert_eq!(end(Phase::Verifying), Some((20_002, 20_002)));

    assert!(refusal(&here).await.contains("was moved to postgres://127.0.0.1"));
    let db = open(&there).await.expect("it is served");
    assert_eq!(count(&db).await, Ok(5_000));
    db.close().await;
    assert!(matches!(transfer(&here, &there).await, Ok(Outcome::Already)), "a second run finds it done");
    assert!(refused(transfer(&here, harbour.directory("other")).await).contains("was moved to postgres://"));
    let tables =
        "select string_agg(tablename, ' ' order by tablename) from pg_tables where schemaname = 'har_bour'";
    let Source::Postgres(server) = &there else { panic!("a server") };
    let left = harbour.query(server.database(), tables);
    assert_eq!(left, "berths commits counts schema_migrations ships", "nothing of the move stays");
}

#[tokio::test]
async fn a_move_that_was_killed_is_taken_up_where_it_stopped() {
    let harbour = Harbour::new();
    for to_files in [false, true] {
        let here = harbour.with_ships(&format!("here-{to_files}"), &fleet()).await;
        let there = match to_files {
            true => Source::from(harbour.directory("there")),
            false => harbour.postgres(&harbour.database()),
        };
        for row in [1, 2_000, 7_000] {
            let killed = transfer_seeing(&here, &there, killed_at(row)).await;
            assert!(refused(killed).contains("killed"));
            assert!(refusal(&here).await.contains("is on its way to"), "nobody sells what is being copied");
            assert!(refusal(&there).await.contains("is not complete"), "nobody sells half a shop");
        }
        let first = Arc::new(Mutex::new(None));
        let see = Arc::clone(&first);
        let moved = transfer_seeing(&here, &there, move |at| {
            see.lock().expect("no panic").get_or_insert(at.rows);
        });
        assert!(matches!(moved.await, Ok(Outcome::Moved(_))));
        let first = first.lock().expect("no panic").expect("some rows were left");
        assert!(first > 7_000, "rows that had arrived were copied again: {first}");
        assert_eq!(count(&open(&there).await.expect("it is served")).await, Ok(5_000));
    }
}

#[tokio::test]
async fn a_move_that_loses_its_server_goes_on_when_it_is_run_again() {
    let harbour = Arc::new(Harbour::new());
    let here = harbour.with_ships("here", &fleet()).await;
    let database = harbour.database();
    let there = harbour.postgres(&database);
    let mut lost_at = Some((Arc::clone(&harbour), database));
    let lost = transfer_seeing(&here, &there, move |at| {
        if let Some((harbour, database)) = lost_at.take_if(|_| at.rows > 2_000) {
            harbour.query(&database, CUT);
        }
    });
    assert!(refused(lost.await).contains("the database cannot be reached"));
    assert!(matches!(transfer(&here, &there).await, Ok(Outcome::Moved(_))));
    assert_eq!(count(&open(&there).await.expect("it is served")).await, Ok(5_000));
}

#[tokio::test]
async fn a_move_that_was_killed_at_its_last_step_only_takes_that() {
    let harbour = Harbour::new();
    let here = harbour.with_ships("here", &[ship(1)]).await;
    let there = harbour.directory("there");
    assert!(matches!(transfer(&here, &there).await, Ok(Outcome::Moved(_))));
    let mark = std::fs::read_to_string(here.join("moving")).expect("the source has a mark");
    let arriving = mark.replace("left", "arriving").replace("/there", "/here");
    std::fs::write(there.join("moving"), arriving).expect("it can be written");
    assert!(refusal(&there).await.contains("is not complete"));
    assert!(matches!(transfer(&here, &there).await, Ok(Outcome::Already)));
    assert_eq!(count(&open(&there).await.expect("it is served")).await, Ok(1));
}

#[tokio::test]
async fn a_house_that_is_open_is_not_moved() {
    let harbour = Harbour::new();
    let here = harbour.with_ships("here", &[ship(1)]).await;
    let there = harbour.postgres(&harbour.database());
    let node = open(&here).await.expect("it opens");
    assert!(refused(transfer(&here, &there).await).contains("holds"));
    assert_eq!(count(&node).await, Ok(1));
    node.close().await;
    let node = open(&there).await.expect("it opens");
    let open_there = refused(transfer(&here, &there).await);
    assert!(open_there.contains("a node or another move is connected as shoal-har-bour"), "{open_there}");
    node.close().await;
    assert!(matches!(transfer(&here, &there).await, Ok(Outcome::Moved(_))));
    let node = open(&there).await.expect("it is served");
    assert!(refused(transfer(&there, harbour.directory("back")).await).contains("connected as"));
    assert!(!harbour.directory("back").join("har-bour.db").exists());
    assert_eq!(count(&node).await, Ok(1));
}

#[tokio::test]
async fn a_node_that_lost_its_connections_does_not_come_back_to_what_was_moved() {
    let harbour = Harbour::new();
    let here = harbour.with_ships("here", &[ship(1)]).await;
    let database = harbour.database();
    let there = harbour.postgres(&database);
    assert!(matches!(transfer(&here, &there).await, Ok(Outcome::Moved(_))));
    let node = open(&there).await.expect("it is served");
    harbour.query(&database, CUT);
    let back = harbour.directory("back");
    assert!(matches!(transfer(&there, &back).await, Ok(Outcome::Moved(_))));
    let moved = |outcome: Result<_, SqlError>| matches!(outcome, Err(SqlError::Moved { .. }));
    assert!(moved(count(&node).await.map(|_| ())) && moved(sink(&node).await.map(|_| ())));
    assert_eq!(count(&open(&back).await.expect("it is served")).await, Ok(1));
}

#[tokio::test]
async fn a_target_with_rows_of_its_own_is_left_alone() {
    let harbour = Harbour::new();
    let here = harbour.with_ships("here", &[ship(1)]).await;
    let other = harbour.with_ships("other", &[ship(2)]).await;
    let before = contents(&other);
    assert!(
        refused(transfer(&here, &other).await)
            .contains("har-bour has rows in berths that are not of this move")
    );
    assert_eq!(contents(&other), before);
    open(&other).await.expect("it is served as before").close().await;
    open(&here).await.expect("it is served as before").close().await;

    let database = harbour.database();
    let there = harbour.postgres(&database);
    open(&there).await.expect("its tables are made").close().await;
    harbour.query(&database, "update har_bour.counts set number = 3");
    assert!(refused(transfer(&here, &there).await).contains("has rows in counts"));
    harbour.query(&database, "update har_bour.counts set number = 0");
    assert!(matches!(transfer(&here, &there).await, Ok(Outcome::Moved(_))), "it is as it was born");
}

#[tokio::test]
async fn a_move_that_is_given_up_leaves_the_house_where_it_was() {
    let harbour = Harbour::new();
    let here = harbour.with_ships("here", &fleet()).await;
    let there = harbour.postgres(&harbour.database());
    assert!(transfer_seeing(&here, &there, killed_at(2_000)).await.is_err());
    let elsewhere = refused(transfer(&here, harbour.directory("elsewhere")).await);
    assert!(elsewhere.contains("is on its way to postgres://"), "{elsewhere}");
    let give_up = async |source: &Source| undo(source.clone(), vec![HOUSE], Env::system()).await;
    let half = give_up(&there).await.expect_err("half a house is not opened").to_string();
    assert!(half.contains("is not complete"), "{half}");
    let went = give_up(&Source::from(&here)).await.expect("it had begun");
    assert!(went.starts_with("postgres://"), "{went}");
    let again = give_up(&Source::from(&here)).await.expect_err("nothing is left of it").to_string();
    assert!(again.starts_with("no move has begun or ended in"), "{again}");

    let node = open(&here).await.expect("it is served");
    assert_eq!(sink(&node).await, Ok(5_000), "and is worked in");
    node.close().await;
    let other = harbour.with_ships("other", &[ship(9)]).await;
    assert!(refused(transfer(&other, &there).await).contains("is not complete"), "that is of another house");
    let Ok(Outcome::Moved(compared)) = transfer(&here, &there).await else { panic!("it begins anew") };
    assert_eq!(compared.iter().map(|it| it.to.rows).collect::<Vec<_>>(), [1, 5_000, 0]);
}

#[tokio::test]
async fn a_copy_that_differs_is_not_served_and_the_house_stays() {
    let harbour = Harbour::new();
    let here = harbour.with_ships("here", &fleet()).await;
    let there = harbour.directory("there");
    let spoil = |directory: &Path| {
        let mut file = Some(directory.to_owned());
        move |at: &Progress| {
            if let Some(directory) = file.take_if(|_| at.phase == Phase::Verifying) {
                let spoilt = crate::harbour::file(&directory)
                    .execute("update ships set weight = 6 where id = ?1", [0_u128.to_be_bytes()]);
                assert_eq!(spoilt, Ok(1));
            }
        }
    };
    let Err(Error::Differs(compared)) = transfer_seeing(&here, &there, spoil(&there)).await else {
        panic!("it differs")
    };
    let differing: Vec<_> = compared.iter().filter(|it| !it.is_same()).map(|it| it.table.as_str()).collect();
    assert_eq!(differing, ["ships"]);
    assert!(refusal(&there).await.contains("is not complete"));
    open(&here).await.expect("it is served as before").close().await;
    assert!(matches!(transfer(&here, &there).await, Ok(Outcome::Moved(_))), "it is copied anew");
}

#[tokio::test]
async fn what_cannot_be_moved_is_said_before_anything_is_written() {
    let harbour = Harbour::new();
    let there = harbour.directory("there");
    let nothing = refused(transfer(harbour.directory("nowhere"), &there).await);
    assert!(nothing.contains("nowhere holds no data of a shop"), "{nothing}");
    let empty = refused(transfer(&harbour.postgres(&harbour.database()), &there).await);
    assert!(empty.contains("holds no data of a shop"), "{empty}");

    let old = harbour.directory("old");
    let options = Options::new(&old, HOUSE.name, &MIGRATIONS[..1], Env::system());
    Database::open(options).await.expect("it opens").close().await;
    let behind = refused(transfer(&old, &there).await);
    assert!(behind.contains("run `shoal migrate` on it first"), "{behind}");
    let house = House { migrations: &MIGRATIONS[..1], ..HOUSE };
    let here = harbour.with_ships("here", &[ship(1)]).await;
    let plan = Move { from: (&here).into(), to: (&there).into(), houses: vec![house], env: Env::system() };
    assert!(refused(plan.run(|_| {}).await).contains("newer than"));

    let itself = refused(transfer(&here, harbour.folder.path().join("here/../here")).await);
    assert!(itself.contains("cannot be moved to itself"), "{itself}");
    let away = Source::parse("postgres://nobody@127.0.0.1:1/nothing").expect("a URL");
    assert!(refused(transfer(&here, &away).await).contains("cannot be reached"));
    assert!(!there.exists() && !harbour.directory("nowhere").exists() && !here.join("moving").exists());
}

#[tokio::test]
async fn a_table_that_only_one_side_has_is_not_passed_over() {
    let harbour = Harbour::new();
    let here = harbour.with_ships("here", &[ship(1)]).await;
    file(&here).execute_batch("create table notes (id bigint not null primary key)").expect("it is made");
    let there = harbour.postgres(&harbour.database());
    let odd = refused(transfer(&here, &there).await);
    assert!(odd.contains("the tables cannot be copied: notes of har-bour is not the same"), "{odd}");
    file(&here).execute_batch("drop table notes").expect("it is there");
    assert!(matches!(transfer(&here, &there).await, Ok(Outcome::Moved(_))));
}

#[tokio::test]
async fn what_was_made_from_other_data_goes() {
    let harbour = Harbour::new();
    let here = harbour.with_ships("here", &[ship(1)]).await;
    let there = harbour.directory("there");
    std::fs::create_dir_all(there.join("charts/old")).expect("a folder");
    assert!(matches!(transfer(&here, &there).await, Ok(Outcome::Moved(_))));
    assert!(!there.join("charts").exists());
}

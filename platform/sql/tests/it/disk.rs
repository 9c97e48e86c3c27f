//! Disks that are full or read-only. The real ones are small memory disks in a mount namespace of their own, made
//! by running the inner test again under `unshare`; where that is not allowed, a message says so.

use std::path::{Path, PathBuf};
use std::process::Command;

use shoal_sql::{Database, Error, Options, params};
use shoal_types::Fault;

use crate::pond::{Held, add, context, count, options, queue, sql};

const DISK: &str = "SHOAL_TEST_DISK";

/// Adds a fish with a name of `size` bytes.
async fn add_long(db: &Database, id: i64, size: usize) -> Result<u64, Error> {
    let name = format!("{id} {}", "x".repeat(size));
    db.write(&context(), async move |tx| tx.execute(sql::ADD, params![id, name.as_str(), 1]).await).await
}

/// Adds fish until the disk is full and answers how many were acknowledged.
async fn fill(db: &Database) -> i64 {
    for id in 0..100_000 {
        match add_long(db, id, 3_000).await {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(Fault::from(error), Fault::StorageFull {});
                return id;
            }
        }
    }
    panic!("the disk never filled");
}

#[tokio::test]
async fn a_full_database_keeps_what_was_acknowledged_and_recovers() {
    let folder = tempfile::tempdir().expect("a folder");
    let limited = Options { pages_max: Some(100), ..options(folder.path()) };
    let db = Database::open(limited).await.expect("opens");
    let acknowledged = fill(&db).await;
    assert!(acknowledged > 10);
    assert_eq!(count(&db).await, acknowledged);
    db.write(&context(), async |tx| tx.execute(sql::REMOVE_ALL, params![]).await).await.expect("frees pages");
    assert_eq!(add(&db, 1).await, Ok(1));
}

#[tokio::test]
async fn when_the_disk_fills_amid_a_group_nothing_of_it_is_half_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let limited = Options { pages_max: Some(100), ..options(folder.path()) };
    let db = Database::open(limited).await.expect("opens");
    let held = Held::in_front_of(&db).await;
    let first = queue(add(&db, 1));
    let too_large = queue(add_long(&db, 2, 1_000_000));
    let behind = queue(add(&db, 3));
    let _ = held.let_go().await;
    assert!(matches!(too_large.await, Err(Error::Full { .. })));
    // Whether the engine lost the group with it is its affair; the answers are what counts.
    let kept = i64::from(first.await.is_ok()) + i64::from(behind.await.is_ok());
    assert_eq!(count(&db).await, kept);
    assert_eq!(add(&db, 4).await, Ok(1));
}

#[test]
fn a_disk_without_room_is_a_clear_error_and_works_again_once_there_is_some() {
    on_small_disk("disk::inner_full_disk");
}

#[test]
fn a_read_only_directory_is_a_clear_error_and_loses_nothing() {
    on_small_disk("disk::inner_read_only_disk");
}

#[tokio::test]
#[ignore = "run by the test above it on a small disk"]
async fn inner_full_disk() {
    let Some(disk) = disk() else { return };
    let ballast = disk.join("ballast");
    std::fs::write(&ballast, vec![0; 2 << 20]).expect("room for the ballast");
    let db = Database::open(options(&disk)).await.expect("opens");
    let acknowledged = fill(&db).await;
    assert!(acknowledged > 10);
    assert_eq!(count(&db).await, acknowledged);
    std::fs::remove_file(&ballast).expect("removed");
    assert_eq!(add(&db, 1_000_000).await, Ok(1));
    db.close().await;
    let again = Database::open(options(&disk)).await.expect("opens again");
    assert_eq!(count(&again).await, acknowledged + 1);
}

#[tokio::test]
#[ignore = "run by the test above it on a small disk"]
async fn inner_read_only_disk() {
    let Some(disk) = disk() else { return };
    let db = Database::open(options(&disk)).await.expect("opens");
    add(&db, 1).await.expect("added");
    db.close().await;
    drop(db);
    remount(&disk, "ro");
    for directory in [disk.clone(), disk.join("new")] {
        let refused = Database::open(options(&directory)).await.expect_err("the disk is read-only");
        assert!(
            refused.to_string().contains(&directory.display().to_string()),
            "names the folder: {refused}"
        );
        assert_eq!(Fault::from(refused), Fault::StorageReadOnly {});
    }
    remount(&disk, "rw");
    let db = Database::open(options(&disk)).await.expect("opens again");
    assert_eq!((count(&db).await, add(&db, 2).await), (1, Ok(1)));
}

fn disk() -> Option<PathBuf> {
    std::env::var_os(DISK).map(PathBuf::from)
}

fn remount(disk: &Path, how: &str) {
    let status = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(disk).status();
    assert!(status.expect("mount runs").success());
}

/// Runs the inner test on a memory disk of 4 MiB, in a namespace that takes the disk with it when it ends.
fn on_small_disk(inner: &str) {
    let disk = tempfile::tempdir().expect("a folder");
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        command.env(DISK, disk.path());
        command
    };
    let mount = format!("mount -t tmpfs -o size=4m tmpfs \"${DISK}\"");
    if !unshare().arg(&mount).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: this machine allows no mount in a namespace (unshare, mount)");
        return;
    }
    let test = std::env::current_exe().expect("this test");
    let script = format!("{mount} && exec \"$0\" --ignored --exact {inner}");
    let status = unshare().arg(script).arg(test).status().expect("unshare runs");
    assert!(status.success());
}

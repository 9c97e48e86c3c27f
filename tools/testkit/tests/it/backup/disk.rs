use std::path::Path;

use rusqlite::Connection;
use shoal_testkit::{SmallDisk, run};
use tempfile::TempDir;

use super::{back_up, restore, text};

/// A disk that has no room for the data, and data of a shop elsewhere.
fn small_disk() -> Option<(SmallDisk, TempDir)> {
    let Some(disk) = SmallDisk::mount(4) else {
        eprintln!("not run: only root may mount a small file system");
        return None;
    };
    let folder = TempDir::with_prefix("shoal-test-").expect("a temporary folder");
    let data = folder.path().join("data");
    let (_, said, ended) = run(&["admin", "create", "ada@example.com", "--data", text(&data)]);
    assert!(ended.success(), "{said}");
    let users = Connection::open(data.join("users.db")).expect("it is there");
    let fill = "update users set name = name || replace(hex(zeroblob(4000000)), '0', 'x')";
    assert_eq!(users.execute(fill, []).expect("a long name"), 1);
    Some((disk, folder))
}

fn names_in(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.map(|entry| entry.file_name());
    let names = std::fs::read_dir(folder).expect("readable").map(name);
    names.map(|name| name.expect("readable").into_string().expect("plain")).collect()
}

#[test]
fn a_disk_without_room_gets_no_backup() {
    let Some((disk, folder)) = small_disk() else { return };
    let (data, to) = (folder.path().join("data"), disk.path().join("backup"));
    let (_, said, ended) = run(&["backup", "--data", text(&data), "--to", text(&to)]);
    assert_eq!(ended.code(), Some(1), "{said}");
    assert!(said.contains("no_room.md") && said.contains(text(&to)), "{said}");
    assert_eq!(names_in(disk.path()), [""; 0]);
}

#[test]
fn a_disk_without_room_for_a_restore_keeps_what_it_has() {
    let Some((disk, folder)) = small_disk() else { return };
    let backup = folder.path().join("backup");
    back_up(&folder.path().join("data"), &backup);
    let data = disk.path().join("data");
    let (_, said, ended) = run(&["migrate", "--data", text(&data)]);
    assert!(ended.success(), "{said}");
    let mut before = names_in(&data);
    let said = restore(&backup, &data, &["--replace"]).expect_err("there is no room");
    assert!(said.contains("no_room.md"), "{said}");
    let mut after = names_in(&data);
    before.sort();
    after.retain(|name| name != "test-provider.lock");
    after.sort();
    assert_eq!(after, before);
    let (_, said, ended) = run(&["migrate", "--data", text(&data)]);
    assert!(ended.success(), "{said}");
}

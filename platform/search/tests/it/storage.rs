use std::path::Path;

use shoal_search::{Change, Index, Place, Query, Schema};
use tempfile::TempDir;

use crate::shelf::{put, schema, thing};

async fn open(path: &Path) -> Index {
    Index::open(Place::Directory(path.to_owned()), schema()).await.expect("opens, whatever is there")
}

/// A directory with a closed index of a few things, fed up to `position`.
async fn kept() -> TempDir {
    let directory = TempDir::new().expect("a directory");
    let index = open(directory.path()).await;
    let changes = ["lamp", "mug", "chair"].map(|title| Change::Put(thing(title)));
    index.apply(changes.to_vec(), Some("position".into())).await.expect("accepted");
    index.close().await.expect("closes");
    directory
}

async fn total(index: &Index, text: &str) -> usize {
    index.search(Query::new(text)).await.expect("answers").total
}

#[tokio::test]
async fn a_restart_keeps_documents_versions_and_checkpoint() {
    let directory = kept().await;
    let index = open(directory.path()).await;
    assert_eq!((index.checkpoint().as_deref(), index.rebuild_needed()), (Some("position"), false));
    assert_eq!((total(&index, "").await, total(&index, "lmap").await), (3, 1));
    put(&index, [thing("lamp").text("description", "repeated")]).await;
    assert_eq!(total(&index, "repeated").await, 0, "the same version again changes nothing");
    assert_eq!(index.checkpoint().as_deref(), Some("position"), "a commit without one keeps it");
}

#[tokio::test]
async fn a_checkpoint_alone_is_kept_too() {
    let directory = kept().await;
    let index = open(directory.path()).await;
    index.apply(vec![], Some("further".into())).await.expect("accepted");
    index.close().await.expect("closes");
    assert_eq!(open(directory.path()).await.checkpoint().as_deref(), Some("further"));
}

#[tokio::test]
async fn another_schema_starts_over() {
    let directory = kept().await;
    let other = Schema::builder().text("title", 1.0).build();
    let index = Index::open(Place::Directory(directory.path().to_owned()), other).await.expect("opens");
    assert_eq!((index.rebuild_needed(), index.len()), (true, 0));
    put(&index, [thing("new")]).await;
    assert_eq!(total(&index, "new").await, 1);
}

#[tokio::test]
async fn a_new_index_must_be_fed_until_it_has_a_checkpoint() {
    let directory = TempDir::new().expect("a directory");
    let index = open(directory.path()).await;
    assert!(index.rebuild_needed());
    put(&index, [thing("early")]).await;
    index.close().await.expect("closes");
    assert!(open(directory.path()).await.rebuild_needed());
}

#[tokio::test]
async fn any_damaged_file_is_survived() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 4] = [
        ("emptied", Vec::clear),
        ("halved", |bytes| bytes.truncate(bytes.len() / 2)),
        ("flipped", |bytes| {
            let middle = bytes.len() / 2;
            bytes.iter_mut().skip(middle).take(1).for_each(|byte| *byte ^= 0x5a);
        }),
        ("zeroed", |bytes| bytes.fill(0)),
    ];
    let pattern = kept().await;
    let names: Vec<_> = std::fs::read_dir(pattern.path())
        .expect("listed")
        .map(|entry| entry.expect("listed").file_name())
        .collect();
    for name in names {
        for (how, damage) in damages {
            let directory = copied(pattern.path());
            let path = directory.path().join(&name);
            let mut bytes = std::fs::read(&path).expect("read");
            damage(&mut bytes);
            std::fs::write(&path, bytes).expect("written");
            let index = open(directory.path()).await;
            let whole = index.checkpoint().is_some() && total(&index, "").await == 3;
            let empty = index.rebuild_needed() && index.is_empty();
            assert!(whole || empty, "{name:?} {how}");
            put(&index, [thing("later")]).await;
            assert_eq!(total(&index, "later").await, 1, "{name:?} {how}");
        }
    }
}

#[tokio::test]
async fn a_lost_file_is_survived_and_foreign_files_stay() {
    let pattern = kept().await;
    std::fs::write(pattern.path().join("notes.txt"), "mine").expect("written");
    for entry in std::fs::read_dir(pattern.path()).expect("listed") {
        let name = entry.expect("listed").file_name();
        let directory = copied(pattern.path());
        if name != "notes.txt" {
            std::fs::remove_file(directory.path().join(&name)).expect("removed");
        }
        let index = open(directory.path()).await;
        assert!(index.rebuild_needed() == index.is_empty(), "{name:?}");
        put(&index, [thing("later")]).await;
        assert_eq!(total(&index, "later").await, 1, "{name:?}");
        assert!(directory.path().join("notes.txt").exists());
    }
}

#[tokio::test]
async fn changes_wait_while_nothing_can_be_written() {
    let directory = kept().await;
    let (holder, waiter) = (open(directory.path()).await, open(directory.path()).await);
    put(&holder, [thing("first")]).await;
    waiter.apply(vec![Change::Put(thing("second"))], Some("further".into())).await.expect("accepted");
    let error = waiter.flush().await.expect_err("the directory is the other's");
    assert!(matches!(shoal_types::Fault::from(error), shoal_types::Fault::Unavailable { .. }));
    assert_eq!((waiter.checkpoint().as_deref(), total(&waiter, "second").await), (Some("position"), 0));
    holder.close().await.expect("closes");
    waiter.flush().await.expect("written in the end");
    assert_eq!((waiter.checkpoint().as_deref(), total(&waiter, "").await), (Some("further"), 5));
}

fn copied(from: &Path) -> TempDir {
    let directory = TempDir::new().expect("a directory");
    for entry in std::fs::read_dir(from).expect("listed") {
        let entry = entry.expect("listed");
        std::fs::copy(entry.path(), directory.path().join(entry.file_name())).expect("copied");
    }
    directory
}

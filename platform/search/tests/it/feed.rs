use std::time::Duration;

use shoal_search::{Change, Document, Error, Index, Place, Query};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::shelf::{Shelf, put, schema, thing};

fn put_version(title: &str, version: i64) -> Change {
    Change::Put(Document::new("key", version).text("title", title))
}

async fn apply(index: &Index, change: Change) {
    index.apply(vec![change], None).await.expect("accepted");
    index.flush().await.expect("written");
}

#[tokio::test]
async fn a_change_is_found_within_a_second() {
    let shelf = Shelf::titled(&["lamp"]).await;
    for round in 0..3 {
        let title = format!("mug{round}");
        shelf.index.apply(vec![Change::Put(thing(&title))], None).await.expect("accepted");
        let found = timeout(Duration::from_secs(1), async {
            while shelf.find(&title).await.is_empty() {
                sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(found.await.is_ok());
    }
}

#[tokio::test]
async fn an_update_replaces_and_a_removal_removes() {
    let shelf = Shelf::titled(&["lamp"]).await;
    put(&shelf.index, [Document::new("lamp", 2).text("title", "lantern")]).await;
    assert_eq!((shelf.find("lamp").await.len(), shelf.find("lantern").await.len()), (0, 1));
    apply(&shelf.index, Change::Remove { key: "lamp".into(), version: 3 }).await;
    assert_eq!((shelf.find("lantern").await.len(), shelf.find("").await.len(), shelf.index.len()), (0, 0, 0));
}

#[tokio::test]
async fn the_largest_version_stands_in_whatever_order_they_come() {
    let shelf = Shelf::with([]).await;
    for (change, title) in [
        (put_version("first", 2), "first"),
        (put_version("older", 1), "first"),
        (put_version("same", 2), "first"),
        (put_version("newer", 5), "newer"),
        (Change::Remove { key: "key".into(), version: 4 }, "newer"),
        (Change::Remove { key: "key".into(), version: 6 }, ""),
        (put_version("late", 5), ""),
        (put_version("again", 7), "again"),
    ] {
        apply(&shelf.index, change).await;
        let hits = shelf.search(Query::new("").highlight()).await;
        assert_eq!(hits.total, usize::from(!title.is_empty()), "{title}");
        assert_eq!(shelf.search(Query::new(title)).await.total, hits.total, "{title}");
    }
    let both = vec![put_version("two", 9), put_version("one", 8)];
    shelf.index.apply(both, None).await.expect("accepted");
    shelf.index.flush().await.expect("written");
    assert_eq!(
        (shelf.find("two").await.len(), shelf.find("one").await.len()),
        (1, 0),
        "within one commit too"
    );
}

#[tokio::test]
async fn a_bulk_load_replaces_everything_at_once() {
    let shelf = Shelf::titled(&["old"]).await;
    assert!(shelf.index.rebuild_needed());
    let bulk = shelf.index.bulk().await.expect("starts");
    for at in (0..1000).step_by(100) {
        let documents = (at..at + 100).map(|n| Document::new(n.to_string(), 1).text("title", "new"));
        bulk.put(documents.collect()).await.expect("accepted");
    }
    bulk.put(vec![Document::new("7", 0).text("title", "outdated")]).await.expect("accepted");
    assert_eq!(shelf.find("old").await, ["old"], "until it is finished");
    bulk.finish("position").await.expect("written");
    assert_eq!(shelf.index.checkpoint().as_deref(), Some("position"));
    assert_eq!((shelf.find("old").await.len(), shelf.index.len()), (0, 1000));
    put(&shelf.index, [Document::new("7", 2).text("title", "changed")]).await;
    assert_eq!(shelf.find("changed").await, ["7"]);
}

#[tokio::test]
async fn a_bulk_load_given_up_changes_nothing() {
    let shelf = Shelf::titled(&["old"]).await;
    let bulk = shelf.index.bulk().await.expect("starts");
    bulk.put(vec![thing("new")]).await.expect("accepted");
    drop(bulk);
    put(&shelf.index, [thing("later")]).await;
    assert_eq!(shelf.find("").await, ["later", "old"]);
}

#[tokio::test]
async fn a_document_of_another_shape_is_refused_whole() {
    let shelf = Shelf::with([]).await;
    let changes = vec![Change::Put(thing("good")), Change::Put(thing("bad").text("price", "12"))];
    let error = shelf.index.apply(changes, None).await.expect_err("refused");
    assert!(matches!(error, Error::NoSuchField { field: "price", kind: "text" }), "{error}");
    let error = shelf.index.apply(vec![Change::Remove { key: String::new(), version: 1 }], None).await;
    assert!(matches!(error, Err(Error::KeyLength { len: 0 })));
    shelf.index.flush().await.expect("written");
    assert!(shelf.index.is_empty());
}

#[tokio::test]
async fn a_closed_index_answers_but_takes_nothing_in() {
    let shelf = Shelf::titled(&["lamp"]).await;
    shelf.index.apply(vec![Change::Put(thing("mug"))], None).await.expect("accepted");
    shelf.index.close().await.expect("closes");
    assert_eq!(shelf.find("").await, ["lamp", "mug"]);
    assert!(matches!(shelf.index.apply(vec![], None).await, Err(Error::Closed)));
    assert!(matches!(shelf.index.flush().await, Err(Error::Closed)));
}

#[tokio::test]
async fn many_searches_run_beside_changes() {
    let index = Index::open(Place::Memory, schema()).await.expect("opens");
    let feed = async {
        for n in 0..20 {
            put(&index, [thing(&format!("cup {n}"))]).await;
        }
    };
    let ask = async {
        for _ in 0..20 {
            let mut searches = JoinSet::new();
            for _ in 0..50 {
                let index = index.clone();
                searches.spawn(async move { index.search(Query::new("cup").highlight()).await });
            }
            assert!(searches.join_all().await.iter().all(Result::is_ok));
        }
    };
    tokio::join!(feed, ask);
    assert_eq!(index.len(), 20);
}

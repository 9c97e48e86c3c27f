//! The same look at shops that do lose what they acknowledged: it must find that.

use std::path::{Path, PathBuf};

use shoal_sql::Durability;
use shoal_testkit::power::{Fate, RecordedShop};
use shoal_testkit::{Setup, Shop};

use super::{lost_in_the_end, recorder};

/// Purchases of the control runs.
const PURCHASES: usize = 5;

/// Every file of every house is needed, and every folder above them: let the disk ignore the syncs of one.
#[tokio::test]
async fn a_disk_that_ignores_the_syncs_of_one_file_loses_what_was_acknowledged() {
    let Some(recorder) = recorder() else { return };
    let mut shop = RecordedShop::open(recorder, None).await;
    let mug = shop.staff().await.product("mug").stock(100).create().await;
    shop.guest().register("ada").await;
    for _ in 0..PURCHASES {
        shop.guest().checkout(&mug, 1).await.expect(201);
    }
    shop.kill_9().await;
    let (recording, data) = (shop.finish(), Path::new(RecordedShop::DATA));
    assert_eq!(lost_in_the_end(&recording, data, Fate::Forgotten), [""; 0], "a good disk loses nothing");
    let houses = ["users", "products", "orders", "checkout", "test-provider"];
    let logs = houses.map(|house| data.join(format!("{house}.db-wal")));
    for deaf in logs.into_iter().chain(data.ancestors().map(Path::to_owned)) {
        let lost = lost_in_the_end(&recording.on_deaf_disk(|path| path == deaf), data, Fate::Forgotten);
        assert!(!lost.is_empty(), "the syncs of {:?} are not missed", deaf.display());
    }
}

#[tokio::test]
async fn a_shop_that_does_not_sync_loses_what_it_acknowledged() {
    let Some(mut recorder) = recorder() else { return };
    let test = std::env::current_exe().expect("a test knows where it is");
    let root = recorder.root();
    let folder = root.to_str().expect("a test's folder has a plain name");
    let arguments = ["--exact", "power::control::inner_shop_that_does_not_sync", "--ignored"];
    recorder.run(&test, &arguments, &[("TMPDIR", folder)]);
    let data = shop_in(&root);
    let recording = recorder.finish();
    assert!(recording.promises().len() >= PURCHASES, "orders were acknowledged");
    assert_eq!(
        lost_in_the_end(&recording, &data, Fate::Kept),
        [""; 0],
        "the end of a process alone loses nothing"
    );
    assert!(!lost_in_the_end(&recording, &data, Fate::Forgotten).is_empty(), "it need not sync, it seems");
}

/// The folder of the shop that was opened in `root`, as seen from there.
fn shop_in(root: &Path) -> PathBuf {
    let entries = std::fs::read_dir(root).expect("it is there").map(|entry| entry.expect("it can be read"));
    let shops: Vec<_> = entries.filter(|entry| entry.path().join("orders.db").exists()).collect();
    assert_eq!(shops.len(), 1, "one shop was opened");
    shops[0].file_name().into()
}

/// What the control run records, in a process of its own. Its folder stays, to be found by who started it.
#[tokio::test]
#[ignore = "run by the test above"]
async fn inner_shop_that_does_not_sync() {
    let shop = Shop::with(Setup { durability: Durability::Process, ..Setup::default() }).await;
    let mug = shop.product("mug").stock(100).create().await;
    for _ in 0..PURCHASES {
        shop.checkout(&mug, 1).await.expect(201);
    }
    assert_eq!(shop.audit().await.orders(), PURCHASES as i64);
    std::mem::forget(shop);
}

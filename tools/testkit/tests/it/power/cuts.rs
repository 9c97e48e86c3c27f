//! The power fails at every sync point of a shop that is killed, closed and opened again under load.

use std::collections::HashSet;
use std::path::Path;

use shoal_testkit::power::{Fate, Promise, RecordedShop, Recording};
use shoal_testkit::{Client, Item};

use super::shoppers::Crowd;
use super::survey::Survey;
use super::{lost_in_the_end, recorder};

/// Shoppers at the same time.
const SHOPPERS: u64 = 6;

async fn goods(staff: &Client) -> Vec<Item> {
    let mut goods = Vec::new();
    for name in ["cup", "pot", "jug"] {
        goods.push(staff.product(name).stock(1_000_000).create().await);
    }
    goods
}

/// Everything that shoppers heard must have been seen leaving the process: otherwise the recording is blind.
fn assert_saw(recording: &Recording, told: &[Promise]) {
    let promised: HashSet<Promise> = recording.promises().into_iter().collect();
    for promise in told {
        assert!(promised.contains(promise), "{promise:?} was heard, and nobody saw it said");
    }
    println!("{} things promised, {} syncs", promised.len(), recording.syncs());
}

#[tokio::test]
async fn nothing_acknowledged_is_missing_after_a_power_cut_at_any_sync_point() {
    /// The first life ends when one of its threads syncs for this many times: early in the purchases.
    const DIES_AT: u32 = 25;
    /// How many things the shoppers know when the second life is closed.
    const CLOSES_AT: usize = 40;
    const PURCHASES: usize = 6;
    let Some(recorder) = recorder() else { return };
    let mut shop = RecordedShop::open(recorder, Some(DIES_AT)).await;
    let staff = shop.staff().await;
    let goods = goods(&staff).await;
    shop.guest().register("ada").await;
    let crowd = Crowd::send(&shop.guest(), &staff, &goods, SHOPPERS, PURCHASES);
    shop.died().await;
    shop.reopen(None).await;
    crowd.were_told(CLOSES_AT).await;
    shop.close().await;
    shop.reopen(None).await;
    let told = crowd.went_home().await;
    shop.kill_9().await;
    let recording = shop.finish();
    assert_saw(&recording, &told);
    assert!(recording.syncs() >= 300 && told.len() >= 45, "too little happened to mean anything");
    Survey::of(&recording, |_| true, 120).passes().await;
}

#[tokio::test]
async fn nothing_acknowledged_is_missing_while_the_log_is_moved_into_the_file() {
    /// The log is moved when it holds this many pages, each of 4 KiB and a head.
    const LOG_MAX: u64 = 4096 * (4096 + 24);
    /// How many more things the shoppers hear before the log is looked at again, and at last.
    const MORE: usize = 25;
    /// How many cuts before and after each sync of the file are looked at: the log begins anew after it.
    const AROUND: usize = 4;
    let Some(recorder) = recorder() else { return };
    let mut shop = RecordedShop::open(recorder, None).await;
    let staff = shop.staff().await;
    let goods = goods(&staff).await;
    let crowd = Crowd::send(&shop.guest(), &staff, &goods, SHOPPERS, usize::MAX);
    let mut heard = MORE;
    crowd.were_told(heard).await;
    while shop.size_of("orders.db-wal") < LOG_MAX {
        heard += MORE;
        crowd.were_told(heard).await;
    }
    crowd.were_told(heard + MORE).await;
    crowd.last_call();
    let told = crowd.went_home().await;
    shop.kill_9().await;
    let recording = shop.finish();
    assert_saw(&recording, &told);

    let file = Path::new(RecordedShop::DATA).join("orders.db");
    let mut moved = Vec::new();
    recording.cuts(|cut| {
        // Its first syncs are those that make it.
        if cut.syncing == Some(&file) && cut.promises.len() > SHOPPERS as usize {
            moved.push(cut.number);
        }
    });
    assert!(!moved.is_empty(), "the log was never moved");
    let chosen = |number: usize| moved.iter().any(|moved| moved.abs_diff(number) <= AROUND);
    Survey::of(&recording, |cut| chosen(cut.number), 20).passes().await;

    // The log is gone once it begins anew, so now the file itself must have been synced.
    let deaf = recording.on_deaf_disk(|path| path == file);
    let lost = lost_in_the_end(&deaf, Path::new(RecordedShop::DATA), Fate::Forgotten);
    assert!(!lost.is_empty(), "the syncs of {} are not missed", file.display());
}

//! A process is killed between a write and its sync, the next one answers, and then the power fails.

use std::collections::HashSet;
use std::path::Path;

use shoal_testkit::power::{Fate, Promise, RecordedShop, Recorder, Recording};
use shoal_testkit::{Client, Item};
use shoal_types::SeededRng;

use super::survey::Found;
use super::{lost, recorder};

/// Buys without a cart, then with one; the same again under the same keys.
async fn buy(guest: &Client, mug: &Item) {
    guest.buy(&[(mug, 1)]).key("without").await.expect(201);
    let cart = guest.open_cart(&[(mug, 2)]).key("cart").await.expect(201).text("/id");
    guest.pay(&cart).key(format!("with-{cart}")).await.expect(201);
}

/// The power has failed at each cut from this one on: what is missing then. And what is found at the end.
fn look(recording: &Recording, from: usize, what: &str) -> (Vec<String>, Vec<Found>) {
    let (rng, mut missing, mut found) = (SeededRng::new(0), Vec::new(), Vec::new());
    recording.cuts(|cut| {
        if cut.number >= from {
            let image = cut.image(Fate::Forgotten, &rng);
            let what = format!("{what}, power cut {} before the sync of {:?}", cut.number, cut.syncing);
            let wrong = lost(cut, &image, Path::new(RecordedShop::DATA), &HashSet::new());
            missing.extend(wrong.into_iter().map(|wrong| format!("{what}: {wrong}")));
            if cut.syncing.is_none() {
                found.push(Found { what, image, promises: cut.promises.to_vec() });
            }
        }
    });
    (missing, found)
}

#[tokio::test]
async fn what_a_killed_process_had_not_made_durable_is_durable_before_the_next_one_answers() {
    let Some(recorder) = recorder() else { return };
    let mut shop = RecordedShop::open(recorder, None).await;
    let mug = shop.staff().await.product("mug").stock(10).create().await;
    buy(&shop.guest(), &mug).await;
    shop.kill_9().await;
    let recording = shop.finish();

    let mut kills = Vec::new();
    recording.cuts(|cut| {
        if cut.promises.iter().any(|promise| matches!(promise, Promise::Product(_))) {
            let what = format!("killed before the sync of {:?}", cut.syncing);
            kills.push((what, cut.number, recording.until(cut)));
        }
    });
    assert!(kills.len() >= 10, "two purchases sync more often than {}", kills.len());
    println!("killed at {} sync points", kills.len());
    let mut wrong = Vec::new();
    for (what, number, before) in kills {
        let recorder = Recorder::resume(before).expect("it could be recorded before");
        let mut shop = RecordedShop::resume(recorder).await;
        buy(&shop.guest(), &mug).await;
        shop.kill_9().await;
        let (missing, found) = look(&shop.finish(), number, &what);
        wrong.extend(missing);
        for found in found {
            found.recovers(&HashSet::new()).await;
        }
    }
    assert!(wrong.is_empty(), "{} losses:\n{}", wrong.len(), wrong.join("\n"));
}

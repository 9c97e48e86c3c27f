//! A shop in which nothing happens does nothing.

use std::time::Duration;

use shoal_testkit::{Setup, Shop};

/// How long nothing happens.
const IDLE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn an_idle_shop_runs_no_statements() {
    // Sagas left behind are looked for as seldom as in a node.
    let shop = Shop::with(Setup { sweep_every: Duration::from_secs(15), ..Setup::default() }).await;
    let mug = shop.product("mug").stock(1).create().await;
    shop.checkout(&mug, 1).await.expect(201);
    shop.quiet().await;
    let before = shop.houses().counters();
    tokio::time::sleep(IDLE).await;
    assert_eq!(shop.houses().counters(), before);
}

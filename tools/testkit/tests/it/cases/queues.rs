use serde_json::json;
use shoal_testkit::{Mishap, Shop, eventually};

#[tokio::test]
async fn a_crash_before_others_have_heard_loses_no_event() {
    let mut shop = Shop::start().await;
    let names = ["kettle", "saucer", "teaspoon"];
    for name in names {
        shop.product(name).stock(1).create().await;
        // The change is committed; whether the search has heard of it is a race the crash decides.
        shop.abandon().await;
        shop.reopen().await;
    }
    for name in names {
        eventually(name, async || {
            let found = shop.get(format!("/v1/search?q={name}")).await.expect(200);
            found.number("/total") == 1
        })
        .await;
    }
    eventually("every event is carried", async || {
        shoal_testkit::Books::open(shop.data()).events_waiting() == 0
    })
    .await;
}

#[tokio::test]
async fn a_crash_leaves_no_lock_behind() {
    let mut shop = Shop::start().await;
    let mug = shop.product("mug").stock(2).create().await;
    let cart = shop.cart(&[(&mug, 1)]).await;
    shop.mishaps().once("provider.authorise", Mishap::KilledAfter);
    let sent = tokio::spawn(shop.pay(&cart).key("k").send());
    shop.mishaps().killed().await;
    shop.abandon().await;
    drop(sent.await);
    shop.reopen().await;
    // The same piece of stock, the same cart and the same key are free for whoever goes on.
    shop.pay(&cart).key("k").await.expect(201);
    shop.checkout(&mug, 1).await.expect(201);
    let line = json!({"change": {"receive": 1}});
    shop.staff().post("/v1/stock/MUG/adjustments", &line).await.expect(201);
    assert_eq!(shop.audit().await.shelf("MUG"), (1, 0));
}

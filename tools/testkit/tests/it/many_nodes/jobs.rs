//! What the houses do by themselves, on both nodes at the same time.

use std::time::Duration;

use futures::future::{join_all, try_join_all};
use serde_json::json;
use shoal_contract::products::{Products as _, ReservationKey, Reserve, StockLine};
use shoal_testkit::{Item, Setup, Shop, eventually};

use super::{two, two_with};

const HOLDS: i64 = 300;
const DAYS: Duration = Duration::from_secs(40 * 24 * 60 * 60);

/// Holds a piece for a minute.
async fn hold(shop: &Shop, mug: &Item) {
    let key: ReservationKey = shop.id();
    let lines = vec![StockLine { variant: mug.variant, quantity: 1 }];
    let expires_at = shop.now().plus(Duration::from_secs(60));
    let held = shop.houses().products.reserve(&shop.context(), Reserve { key, lines, expires_at }).await;
    held.expect("there is enough");
}

#[tokio::test]
async fn holds_that_ran_out_are_given_back_once_though_both_look() {
    let Some((one, two)) = two().await else { return };
    let mug = one.product("mug").stock(1_000).create().await;
    join_all((0..HOLDS / 2).flat_map(|_| [hold(&one, &mug), hold(&two, &mug)])).await;
    assert_eq!(one.stock(&mug).await, 1_000 - HOLDS);
    one.advance(Duration::from_secs(61));
    let end = async |shop: &Shop| shop.houses().products.expire_holds(&shop.context()).await;
    // The jobs of both may be at it as well: whoever comes first, each is given back once.
    let ended = futures::join!(end(&one), end(&two), end(&one), end(&two));
    let ended = [ended.0, ended.1, ended.2, ended.3].map(|ended| ended.expect("ended"));
    assert!(ended.iter().sum::<u64>() <= HOLDS as u64, "{ended:?}");
    eventually("the stock is back", async || two.stock(&mug).await == 1_000).await;
    assert_eq!(one.audit().await.shelf("MUG"), (1_000, 0));
}

#[tokio::test]
async fn sweeps_of_both_at_once_remove_what_has_served_and_nothing_else() {
    let Some((one, two)) = two().await else { return };
    let mug = one.product("mug").stock(1_000).create().await;
    for round in 0..30 {
        let shop = if round % 2 == 0 { &one } else { &two };
        shop.cart(&[(&mug, 1)]).await;
        shop.register(&format!("ada{round}")).await;
        shop.checkout(&mug, 1).await.expect(201);
    }
    one.quiet().await;
    one.advance(DAYS);
    let sweep = async |shop: &Shop| {
        let (houses, cx) = (shop.houses(), shop.context());
        let (users, orders) = futures::join!(houses.users.sweep(), houses.orders.sweep(&cx));
        Ok::<_, String>((users.map_err(|e| e.to_string())?, orders.map_err(|e| e.to_string())?))
    };
    let swept = try_join_all([sweep(&one), sweep(&two), sweep(&one), sweep(&two)]).await.expect("swept");
    assert!(swept.iter().map(|(users, _)| users).sum::<u64>() >= 30, "sessions: {swept:?}");
    assert!(swept.iter().map(|(_, orders)| orders.carts).sum::<u64>() >= 30, "carts: {swept:?}");
    assert_eq!(two.audit().await.orders(), 30);
}

#[tokio::test]
async fn both_relays_carry_everything_and_what_a_dead_node_left() {
    let Some((mut one, two)) = two_with(Setup::default()).await else { return };
    let mug = one.product("mug").stock(1_000).create().await;
    let buy = |shop: &Shop| shop.buy(&[(&mug, 1)]).into_future();
    let answers = join_all((0..20).flat_map(|_| [buy(&one), buy(&two)])).await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    one.abandon().await;
    // What the first has left is carried by the other with what it says itself.
    two.checkout(&mug, 1).await.expect(201);
    let renamed = json!({"title": "cup", "variants": [{"sku": "MUG", "stock": 0, "weight_g": 100,
        "prices": [{"amount": 100, "currency": "EUR"}]}]});
    two.staff().put(format!("/v1/products/{}", mug.product), &renamed).await.expect(200);
    two.register("ada").await;
    two.quiet().await;
    assert_eq!(two.audit().await.events_waiting(), 0);
}

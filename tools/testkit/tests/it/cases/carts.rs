use futures::future::join_all;
use serde_json::{Value, json};
use shoal_testkit::{Answer, Client, Item, Market};

/// SKU and pieces of each line, sorted.
fn lines(cart: &Answer) -> Vec<(String, i64)> {
    let cart = cart.json();
    let line = |line: &Value| {
        (line["sku"].as_str().unwrap_or_default().to_owned(), line["quantity"].as_i64().unwrap_or(-1))
    };
    let mut lines: Vec<_> = cart["lines"].as_array().into_iter().flatten().map(line).collect();
    lines.sort();
    lines
}

async fn add(who: &Client, cart: &str, item: &Item, quantity: i64) -> Answer {
    who.post(format!("/v1/carts/{cart}/lines"), &json!({"sku": item.sku, "quantity": quantity})).await
}

async fn goods(shop: &Market) -> [Item; 3] {
    [
        shop.product("cup").stock(1000).create().await,
        shop.product("pot").stock(1000).create().await,
        shop.product("jug").stock(1000).create().await,
    ]
}

#[tokio::test]
async fn a_guests_cart_is_merged_at_login_without_losing_a_line() {
    let shop = Market::start().await;
    let [cup, pot, jug] = goods(&shop).await;
    let ada = shop.customer("ada").await;
    let own = ada.cart(&[(&cup, 1), (&pot, 2)]).await;
    let guests = shop.cart(&[(&pot, 3), (&jug, 4)]).await;
    for _ in 0..2 {
        let merged = ada.post(format!("/v1/carts/{guests}/merge"), &json!({})).await.expect(200);
        assert_eq!(merged.text("/id"), own);
        assert_eq!(lines(&merged), [("CUP".into(), 1), ("JUG".into(), 4), ("POT".into(), 5)]);
    }
}

#[tokio::test]
async fn merging_from_two_devices_at_once_counts_each_line_once() {
    let shop = Market::start().await;
    let [cup, pot, _] = goods(&shop).await;
    let ada = shop.customer("ada").await;
    let (first, second) = (shop.cart(&[(&cup, 1)]).await, shop.cart(&[(&pot, 2)]).await);
    let merges = [&first, &second, &first, &second];
    let merged =
        join_all(merges.map(|cart| ada.post(format!("/v1/carts/{cart}/merge"), &json!({})).into_future()))
            .await;
    assert!(merged.iter().all(|answer| answer.status == 200), "{merged:?}");
    let own = ada.get("/v1/carts/current").await.expect(200);
    assert_eq!(lines(&own), [("CUP".into(), 1), ("POT".into(), 2)]);
}

#[tokio::test]
async fn parallel_edits_of_one_cart_lose_no_update_and_make_no_line_twice() {
    let shop = Market::start().await;
    let [cup, pot, jug] = goods(&shop).await;
    let cart = shop.cart(&[]).await;
    let edits = (0..30).map(|number| {
        let item = [&cup, &pot, &jug][number % 3];
        add(&shop, &cart, item, 1)
    });
    let edited = join_all(edits).await;
    assert!(edited.iter().all(|answer| answer.status == 200), "{edited:?}");
    let kept = shop.get(format!("/v1/carts/{cart}")).await.expect(200);
    assert_eq!(lines(&kept), [("CUP".into(), 10), ("JUG".into(), 10), ("POT".into(), 10)]);
    assert_eq!(kept.number("/totals/subtotal/amount"), 30 * 1999);
}

#[tokio::test]
async fn an_edit_of_a_cart_that_has_changed_meanwhile_is_refused_if_it_says_what_it_saw() {
    let shop = Market::start().await;
    let [cup, pot, _] = goods(&shop).await;
    let cart = shop.cart(&[(&cup, 1)]).await;
    let seen = shop.get(format!("/v1/carts/{cart}")).await.header("etag").to_owned();
    add(&shop, &cart, &pot, 1).await.expect(200);
    let two = json!({"quantity": 2});
    let stale = shop.put(format!("/v1/carts/{cart}/lines/CUP"), &two).header("if-match", seen).await;
    assert_eq!(stale.problem(), (412, "cart_changed".into()), "{stale}");
    shop.put(format!("/v1/carts/{cart}/lines/CUP"), &two).await.expect(200);
}

#[tokio::test]
async fn adding_to_a_cart_twice_with_one_key_adds_once() {
    let shop = Market::start().await;
    let [cup, ..] = goods(&shop).await;
    let cart = shop.cart(&[]).await;
    let line = json!({"sku": cup.sku, "quantity": 1});
    let adds = join_all(
        (0..5).map(|_| shop.post(format!("/v1/carts/{cart}/lines"), &line).key("one").into_future()),
    );
    assert!(adds.await.iter().all(|answer| answer.status == 200));
    assert_eq!(lines(&shop.get(format!("/v1/carts/{cart}")).await), [("CUP".into(), 1)]);
}

#[tokio::test]
async fn a_cart_is_bought_at_what_it_shows() {
    let shop = Market::start().await;
    let [cup, pot, jug] = goods(&shop).await;
    let ada = shop.customer("ada").await;
    let cart = ada.cart(&[(&cup, 1), (&pot, 2), (&jug, 3)]).await;
    let shown = ada.get(format!("/v1/carts/{cart}")).await.at("/totals");
    let order = ada.pay(&cart).await.expect(201);
    assert_eq!(order.at("/order/totals"), shown);
    assert_eq!(shop.audit().await.money(), 6 * 1999 + 490);
}

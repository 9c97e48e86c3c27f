//! A write that one node has answered is seen by whatever is asked of the other afterwards.

use futures::future::join_all;
use serde_json::{Value, json};
use shoal_testkit::{Client, Item, PASSWORD, Shop};

use super::two;

const ROUNDS: i64 = 40;
/// Readers of a node that keep its memory full of what is about to be old.
const READERS: usize = 4;

/// The mug at a price, as staff write it.
fn priced(title: &str, cents: i64) -> Value {
    json!({"title": title, "variants": [{"sku": "MUG", "stock": 0, "weight_g": 100,
        "prices": [{"amount": cents, "currency": "EUR"}]}]})
}

async fn write(staff: &Client, mug: &Item, body: &Value) {
    staff.put(format!("/v1/products/{}", mug.product), body).await.expect(200);
}

/// What a cart of one mug comes to without shipping, at this node.
async fn subtotal(shop: &Shop, cart: &str) -> i64 {
    shop.get(format!("/v1/carts/{cart}")).await.expect(200).number("/totals/subtotal/amount")
}

/// Reads all the while, so that what was read before a write is on its way into the memory after it.
async fn with_readers<T>(shop: &Shop, mug: &Item, work: impl Future<Output = T>) -> T {
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let request = shop.get(format!("/v1/products/{}", mug.product));
            tokio::spawn(async move {
                loop {
                    request.clone().await.expect(200);
                }
            })
        })
        .collect();
    let done = work.await;
    readers.iter().for_each(|reader| assert!(!reader.is_finished(), "a reader was refused"));
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    done
}

#[tokio::test]
async fn a_new_price_is_seen_and_charged_everywhere_at_once() {
    let Some((one, two)) = two().await else { return };
    let mug = one.product("mug").stock(1_000).create().await;
    let cart = one.cart(&[(&mug, 1)]).await;
    let rounds = async {
        for round in 1..=ROUNDS {
            let (writer, reader) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
            write(writer.staff(), &mug, &priced("mug", 100 * round)).await;
            let path = format!("/v1/products/{}", mug.product);
            let (seen, listed, total) = futures::join!(
                reader.get(path).into_future(),
                reader.get("/v1/products").into_future(),
                subtotal(reader, &cart)
            );
            assert_eq!(seen.number("/variants/0/prices/0/amount"), 100 * round, "round {round}");
            assert_eq!(listed.number("/products/0/variants/0/prices/0/amount"), 100 * round, "round {round}");
            assert_eq!(total, 100 * round, "round {round}");
        }
    };
    with_readers(&one, &mug, with_readers(&two, &mug, rounds)).await;
    write(one.staff(), &mug, &priced("mug", 5_000)).await;
    let bought = two.buy(&[(&mug, 1)]).await.expect(201);
    assert_eq!(bought.number("/order/totals/subtotal/amount"), 5_000);
    one.audit().await;
}

#[tokio::test]
async fn a_product_that_is_gone_or_renamed_is_so_everywhere_at_once() {
    let Some((one, two)) = two().await else { return };
    for round in 0..10 {
        let mug = one.product(&format!("mug {round}")).stock(1).create().await;
        let path = format!("/v1/products/mug-{round}");
        let (first, second) =
            futures::join!(two.get(path.clone()).into_future(), one.get(path.clone()).into_future());
        assert_eq!((first.status, second.status), (200, 200));
        let mut renamed = priced(&format!("cup {round}"), 100);
        renamed["slug"] = format!("cup-{round}").into();
        renamed["variants"][0]["sku"] = format!("CUP-{round}").into();
        write(two.staff(), &mug, &renamed).await;
        assert_eq!(one.get(path).await.status, 404);
        one.get(format!("/v1/products/cup-{round}")).await.expect(200);
        let stale = json!({"lines": [{"sku": mug.sku, "quantity": 1}]});
        assert_eq!(one.post("/v1/carts", &stale).await.code(), "unknown_sku");
        one.staff().delete(format!("/v1/products/{}", mug.product)).await.expect(204);
        assert_eq!(two.get(format!("/v1/products/cup-{round}")).await.status, 404);
    }
}

#[tokio::test]
async fn a_renamed_category_is_shown_everywhere_at_once() {
    let Some((one, two)) = two().await else { return };
    let made =
        one.staff().post("/v1/categories", &json!({"slug": "cups", "title": "Cups"})).await.expect(201);
    let category = format!("/v1/categories/{}", made.text("/id"));
    let mut body = priced("mug", 100);
    body["category"] = "cups".into();
    let mug = two.staff().post("/v1/products", &body).await.expect(201).text("/id");
    for round in 0..20 {
        let (writer, reader) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let title = format!("Vessels {round}");
        let renamed = json!({"slug": "cups", "title": title});
        writer.staff().put(&category, &renamed).await.expect(200);
        let shown = reader.get(format!("/v1/products/{mug}")).await.expect(200);
        assert_eq!(shown.text("/category_path/0/title"), title);
        let found = reader.get(format!("/v1/search?q=vessels%20{round}")).await.expect(200);
        assert_eq!(found.number("/total"), 1, "round {round}: {found}");
    }
}

#[tokio::test]
async fn what_was_made_through_one_node_is_found_through_the_other() {
    let Some((one, two)) = two().await else { return };
    let found = async |shop: &Shop, words: &str| {
        shop.get(format!("/v1/search?q={words}")).await.expect(200).number("/total")
    };
    for round in 0..15 {
        let (writer, reader) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let mug = writer.product(&format!("beaker{round}")).stock(1).create().await;
        assert_eq!(found(reader, &format!("beaker{round}")).await, 1, "made in round {round}");
        let mut renamed = priced(&format!("goblet{round}"), 100);
        renamed["variants"][0]["sku"] = mug.sku.clone().into();
        write(writer.staff(), &mug, &renamed).await;
        assert_eq!(found(reader, &format!("goblet{round}")).await, 1, "renamed in round {round}");
        writer.staff().delete(format!("/v1/products/{}", mug.product)).await.expect(204);
        assert_eq!(found(reader, &format!("goblet{round}")).await, 0, "archived in round {round}");
    }
}

#[tokio::test]
async fn many_who_write_and_search_at_once_find_their_own() {
    let Some((one, two)) = two().await else { return };
    let shoppers = (0..24).map(|number| {
        let (writer, reader) = if number % 2 == 0 { (&one, &two) } else { (&two, &one) };
        async move {
            for round in 0..3 {
                let name = format!("jug{number}x{round}");
                writer.product(&name).stock(1).create().await;
                let found = reader.get(format!("/v1/search?q={name}")).await.expect(200);
                // Others that are almost so called may be found too.
                assert_eq!(found.text("/hits/0/product/title"), name);
            }
        }
    });
    join_all(shoppers).await;
    assert_eq!(two.get("/v1/search?q=").await.expect(200).number("/total"), 72);
}

#[tokio::test]
async fn a_session_that_has_ended_is_refused_everywhere_at_once() {
    let Some((one, two)) = two().await else { return };
    for round in 0..10 {
        let ada = one.register(&format!("ada{round}")).await;
        let there = two.at_home(&ada);
        there.get("/v1/sessions").await.expect(200);
        let (ends, stays) = if round % 2 == 0 { (&ada, &there) } else { (&there, &ada) };
        ends.delete("/v1/sessions/current").await.expect(204);
        assert_eq!(stays.get("/v1/sessions").await.status, 401, "round {round}");
    }
}

/// A new account and its id.
async fn account(shop: &Shop, name: &str) -> (Client, String) {
    let email = format!("{name}@example.com");
    let new = json!({"email": email, "password": PASSWORD, "name": name});
    let id = shop.post("/v1/users", &new).await.expect(201).text("/id");
    (shop.log_in(&email, PASSWORD).await, id)
}

#[tokio::test]
async fn a_token_that_was_exchanged_and_a_password_that_was_changed_end_sessions_everywhere() {
    let Some((one, two)) = two().await else { return };
    let (ada, id) = account(&one, "ada").await;
    let there = two.at_home(&ada);
    there.get("/v1/sessions").await.expect(200);
    let rotated = ada.post("/v1/sessions/rotate", &json!({})).await.expect(200).text("/token");
    assert_eq!(there.get("/v1/sessions").await.status, 401, "a token that was exchanged");
    let (here, there) = (one.with_token(&*rotated), two.log_in("ada@example.com", PASSWORD).await);
    here.get("/v1/sessions").await.expect(200);
    let change = json!({"current": PASSWORD, "new": "eighteen-diving-Gannets"});
    there.put(format!("/v1/users/{id}/password"), &change).await.expect(204);
    assert_eq!(here.get("/v1/sessions").await.status, 401, "a session under the old password");
    two.at_home(&there).get("/v1/sessions").await.expect(200);
    one.at_home(&there).get("/v1/sessions").await.expect(200);
}

#[tokio::test]
async fn a_role_that_was_taken_is_gone_everywhere_at_once() {
    let Some((one, two)) = two().await else { return };
    let (ada, id) = account(&one, "ada").await;
    let there = two.at_home(&ada);
    let role = format!("/v1/users/{id}/role");
    for round in 0..5 {
        let (word, status) = if round % 2 == 0 { ("staff", 200) } else { ("customer", 403) };
        one.staff().put(&role, &json!({"role": word})).await.expect(200);
        assert_eq!(there.get("/v1/users").await.status, status, "round {round}");
    }
}

#[tokio::test]
async fn rates_count_everywhere_at_once_and_none_is_lost() {
    let Some((one, two)) = two().await else { return };
    let mug = one.product("mug").price(10_000).stock(1_000).create().await;
    let cart = one.cart(&[(&mug, 1)]).await;
    for round in 1..=15 {
        let (writer, reader) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let tax = json!({"tax_rates": [
            {"country": "DE", "category": "standard", "rate_bp": 100 * round, "included": false}]});
        let zones = json!({"shipping_zones": [{"zone": "Everywhere", "countries": ["*"],
            "methods": [{"code": "standard", "title": "Standard", "currency": "EUR",
                "rate": {"kind": "flat", "amount": 1_000 + round}}]}]});
        // Each node sets another one, both at once.
        let (taxed, zoned) = futures::join!(
            writer.staff().put("/v1/settings/tax-rates", &tax).into_future(),
            reader.staff().put("/v1/settings/shipping-zones", &zones).into_future()
        );
        assert_eq!((taxed.status, zoned.status), (200, 200));
        for shop in [&one, &two] {
            let totals = shop.get(format!("/v1/carts/{cart}")).await.expect(200);
            assert_eq!(totals.number("/totals/shipping/amount"), 1_000 + round, "round {round}");
            // Goods and shipping are taxed, each rounded.
            let (goods, shipping) = (100 * round, ((1_000 + round) * round + 50) / 100);
            assert_eq!(
                totals.number("/totals/tax_added/amount"),
                goods + shipping,
                "round {round}: {totals}"
            );
        }
    }
}

//! What a shop tells in its life, held against what it says of it: each type of event is told, in the form of CloudEvents,
//! with data of the shape that `docs/events` describes.

mod envelope;
mod judge;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use shoal_contract::events::{EVENTS, kinds};
use shoal_contract::users::{RequestPasswordReset, Users as _};
use shoal_orders::Orders;
use shoal_queue::{Consumer, Event, OutboxTable, Relay, RelayOptions};
use shoal_sql::Database;
use shoal_testkit::{Item, Setup, Shop, eventually};
use shoal_types::{Context, Env, Fault};

/// Types that a life of a few seconds does not bring about: an imported order is told to nobody, and a cart is abandoned
/// after hours, which the order house's own tests let pass.
const NOT_HERE: [&str; 2] = [kinds::ORDER_IMPORTED, kinds::CART_ABANDONED];

/// Keeps what it hears.
#[derive(Default)]
struct Listener(Mutex<Vec<Event>>);

#[async_trait]
impl Consumer for Listener {
    fn name(&self) -> &'static str {
        "listener"
    }

    fn wants(&self, _: &str) -> bool {
        true
    }

    async fn handle(&self, _: &Context, events: &[Event]) -> Result<(), Fault> {
        self.0.lock().expect("not poisoned").extend_from_slice(events);
        Ok(())
    }
}

impl Listener {
    fn heard(&self) -> Vec<Event> {
        self.0.lock().expect("not poisoned").clone()
    }

    fn kinds(&self) -> BTreeSet<String> {
        self.heard().into_iter().map(|event| event.kind).collect()
    }
}

/// Carries what the shop has told to a listener, until that has heard of everything that can happen here.
async fn listen(shop: &Shop) -> Vec<Value> {
    let listener = Arc::new(Listener::default());
    let houses = shop.houses();
    let relay = |db: &Database, table: OutboxTable| {
        let listener = Arc::clone(&listener) as Arc<dyn Consumer>;
        Relay::start(db.clone(), table, vec![listener], RelayOptions::default(), Env::system())
    };
    let relays = [
        relay(houses.users.database(), houses.users.outbox()),
        relay(houses.products.database(), OutboxTable::default()),
        relay(houses.orders.database(), Orders::outbox()),
        relay(houses.checkout.database(), OutboxTable::default()),
    ];
    let expected: BTreeSet<String> = EVENTS
        .iter()
        .map(|event| event.kind.to_owned())
        .filter(|kind| !NOT_HERE.contains(&kind.as_str()))
        .collect();
    eventually("every event is told", async || listener.kinds().is_superset(&expected)).await;
    for relay in relays {
        relay.stop().await;
    }
    assert_eq!(listener.kinds(), expected);
    listener.heard().iter().map(|event| serde_json::to_value(event).expect("JSON")).collect()
}

/// Comes, is renamed, forgets the password, goes.
async fn live_as_customer(shop: &Shop) {
    let ada = shop.customer("ada").await;
    ada.patch("/v1/me", &json!({"name": "Ada"})).await.expect(200);
    let forgotten = RequestPasswordReset { email: "ada@example.com".into() };
    shop.houses().users.request_password_reset(&shop.context(), forgotten).await.expect("asked");
    let id = ada.get("/v1/me").await.expect(200).text("/id");
    ada.delete(format!("/v1/users/{id}")).await.expect(204);
}

/// Products are made, change in price, run low, run out, come back and are taken out of the shop.
async fn keep_shop(shop: &Shop) -> Item {
    let staff = shop.staff();
    staff
        .post("/v1/categories", &json!({"slug": "table", "title": "Table", "position": 1}))
        .await
        .expect(201);
    let mug = shop.product("mug").stock(8).create().await;
    let dearer = json!({"title": "mug", "variants": [{"sku": "MUG", "stock": 0,
        "prices": [{"amount": 2099, "currency": "EUR"}], "weight_g": 100}]});
    staff.put(format!("/v1/products/{}", mug.product), &dearer).await.expect(200);
    let old = shop.product("old cup").create().await;
    staff.delete(format!("/v1/products/{}", old.product)).await.expect(204);
    mug
}

/// Orders are sent, taken back and paid back; cancelled; not paid.
async fn sell(shop: &Shop, mug: &Item) {
    let staff = shop.staff();
    let order = shop.checkout(mug, 4).await.expect(201).text("/order/id");
    let at = |what: &str| format!("/v1/orders/{order}/{what}");
    staff.post(at("notes"), &json!({"message": "a gift"})).await.expect(201);
    staff.post(at("fulfilments"), &json!({"carrier": "Gull", "tracking": "G1"})).await.expect(201);
    let second = shop.checkout(mug, 4).await.expect(201).text("/order/id");
    let chipped = json!({"lines": [{"line": 1, "quantity": 1}], "restock": true, "reason": "chipped"});
    staff.post(at("returns"), &chipped).await.expect(201);
    staff.post(format!("/v1/orders/{second}/cancel"), &json!({})).await.expect(200);
    let declined = shop.buy(&[(mug, 1)]).card("tok_declined").await;
    assert_eq!(declined.status, 402, "{declined}");
}

#[tokio::test]
async fn the_life_of_a_shop_is_told_as_it_is_described() {
    let shop = Shop::with(Setup { relays: false, ..Setup::default() }).await;
    live_as_customer(&shop).await;
    let mug = keep_shop(&shop).await;
    sell(&shop, &mug).await;
    let events = listen(&shop).await;
    for event in &events {
        assert_eq!(envelope::faults(event), [""; 0], "{event:#}");
        assert_is_described(event);
    }
    judge::assert_valid(&events);
}

/// The files in `docs/events` hold the shape of the data of this event.
fn assert_is_described(event: &Value) {
    let described = EVENTS.iter().find(|described| event["dataschema"] == described.schema_uri());
    let described = described.unwrap_or_else(|| panic!("no schema of {event:#}"));
    assert_eq!(judge::schema(described), described.schema(), "run `cargo xtask events`");
    assert_eq!(
        (&event["type"], &event["source"]),
        (&json!(described.kind), &json!(format!("/{}", described.house)))
    );
    let data = event["data"].to_string();
    for personal in ["ada@example.com", "Ada", "G1", "a gift", "chipped"] {
        assert!(!data.contains(&format!("\"{personal}")), "{personal} in {data}");
    }
}

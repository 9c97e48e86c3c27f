//! What one node has answered, every other one shows at once.

use std::cell::RefCell;

use futures::future::join_all;
use serde_json::json;
use shoal_sql::Engine;
use shoal_testkit::{Answer, Client, Fleet, Item, PASSWORD, Request, Topology, eventually, fresh_key};

use super::{EQUAL, allowed, engine};

/// How often each kind of thing is written.
const ROUNDS: usize = 12;

/// The ways into a fleet, and the answers that were older than a write answered before.
struct Readers {
    ways: Vec<Client>,
    staff: Client,
    stale: RefCell<Vec<String>>,
}

impl Readers {
    async fn of(fleet: &Fleet) -> Self {
        let ways = fleet.gateways().into_iter().map(|node| fleet.guest_of(node)).collect();
        Self { ways, staff: fleet.staff().await, stale: RefCell::default() }
    }

    /// The same caller at the gateway whose turn it is.
    fn at(&self, turn: usize, who: &Client) -> Client {
        let way = &self.ways[turn % self.ways.len()];
        who.token().map_or_else(|| way.clone(), |token| way.with_token(token))
    }

    fn staff_at(&self, turn: usize) -> Client {
        self.at(turn, &self.staff)
    }

    /// Reads once through every gateway, the one after the writer's first, and notes each answer that does not fit.
    async fn all_show(
        &self,
        what: &str,
        writer: usize,
        who: &Client,
        read: impl Fn(&Client) -> Request,
        fits: impl Fn(&Answer) -> bool,
    ) {
        for turn in writer + 1..=writer + self.ways.len() {
            let answer = read(&self.at(turn, who)).patiently().await;
            if !fits(&answer) {
                let (writer, turn) = (writer % self.ways.len(), turn % self.ways.len());
                let shown: String = answer.to_string().chars().take(200).collect();
                let note = format!("{what}: written through gateway {writer}, gateway {turn} shows {shown}");
                self.stale.borrow_mut().push(note);
            }
        }
    }
}

fn product(name: &str, price: usize) -> serde_json::Value {
    json!({"title": name, "variants": [{"sku": name.to_uppercase(), "weight_g": 100, "stock": 1000,
        "prices": [{"amount": price, "currency": "EUR"}]}]})
}

async fn prices(readers: &Readers, name: &str) {
    let made = readers.staff.post("/v1/products", &product(name, 100)).patiently().await.expect(201);
    let path = format!("/v1/products/{}", made.text("/id"));
    let guest = readers.ways[0].clone();
    for round in 1..=ROUNDS {
        let price = 100 + round;
        readers.staff_at(round).put(&path, &product(name, price)).patiently().await.expect(200);
        let shown = |answer: &Answer| answer.at("/variants/0/prices/0/amount") == json!(price);
        readers.all_show("a price by id", round, &guest, |who| who.get(&path), shown).await;
        let by_slug = |who: &Client| who.get(format!("/v1/products/{name}"));
        readers.all_show("a price by slug", round, &guest, by_slug, shown).await;
        let cart = json!({"lines": [{"sku": name.to_uppercase(), "quantity": 1}]});
        let in_a_cart = |answer: &Answer| answer.at("/lines/0/unit_price/amount") == json!(price);
        readers
            .all_show("a price in a cart", round, &guest, |who| who.post("/v1/carts", &cart), in_a_cart)
            .await;
    }
}

async fn cart_lines(readers: &Readers, item: &Item) {
    let guest = readers.ways[0].clone();
    let cart = format!("/v1/carts/{}", guest.cart(&[(item, 1)]).await);
    for round in 1..=ROUNDS {
        let line = format!("{cart}/lines/{}", item.sku);
        readers.at(round, &guest).put(&line, &json!({"quantity": round + 1})).patiently().await.expect(200);
        let shown = |answer: &Answer| answer.at("/lines/0/quantity") == json!(round + 1);
        readers.all_show("a cart's line", round, &guest, |who| who.get(&cart), shown).await;
    }
}

async fn stock(readers: &Readers, name: &str) {
    let item = readers.staff.product(name).stock(0).create().await;
    let guest = readers.ways[0].clone();
    let mut pieces = 0;
    for round in 1..=ROUNDS {
        let path = format!("/v1/stock/{}/adjustments", item.sku);
        readers.staff_at(round).post(path, &json!({"change": {"receive": 3}})).patiently().await.expect(201);
        pieces += 3;
        let read = |who: &Client| who.get(format!("/v1/stock/{}", item.sku));
        readers
            .all_show("stock received", round, &guest, read, |answer| answer.at("/available") == pieces)
            .await;
        readers.at(round + 1, &guest).buy(&[(&item, 1)]).request().patiently().await.expect(201);
        pieces -= 1;
        readers
            .all_show("stock sold", round + 1, &guest, read, |answer| answer.at("/available") == pieces)
            .await;
    }
}

async fn orders(readers: &Readers, item: &Item) {
    let staff = readers.staff.clone();
    for round in 1..=ROUNDS {
        let bought = readers.at(round, &staff).buy(&[(item, 1)]).request().patiently().await.expect(201);
        let path = format!("/v1/orders/{}", bought.text("/order/id"));
        let is = |status: &'static str| move |answer: &Answer| answer.at("/status") == status;
        readers.all_show("an order placed", round, &staff, |who| who.get(&path), is("paid")).await;
        let newest = |who: &Client| who.get("/v1/orders?limit=100");
        let listed = |answer: &Answer| answer.to_string().contains(&bought.text("/order/id"));
        readers.all_show("an order in the list", round, &staff, newest, listed).await;
        let (what, end) = if round % 2 == 0 { ("cancel", "cancelled") } else { ("fulfilments", "fulfilled") };
        let change = readers.staff_at(round + 1).post(format!("{path}/{what}"), &json!({})).key(fresh_key());
        assert!(change.patiently().await.status < 300, "{what}");
        readers.all_show("an order's status", round + 1, &staff, |who| who.get(&path), is(end)).await;
    }
}

async fn sessions(readers: &Readers, name: &str) {
    let guest = readers.ways[0].clone();
    guest.register(name).await;
    for round in 1..=ROUNDS / 2 {
        let email = format!("{name}@example.com");
        let who = readers.at(round, &guest).log_in(&email, PASSWORD).await;
        let me = |who: &Client| who.get("/v1/me");
        readers.all_show("a session begun", round, &who, me, |answer| answer.status == 200).await;
        let renamed = json!({"name": format!("{name} {round}")});
        readers.at(round + 1, &who).patch("/v1/me", &renamed).patiently().await.expect(200);
        let shown = |answer: &Answer| answer.at("/name") == renamed["name"];
        readers.all_show("a name", round + 1, &who, me, shown).await;
        readers.at(round + 2, &who).delete("/v1/sessions/current").patiently().await.expect(204);
        readers.all_show("a session ended", round + 2, &who, me, |answer| answer.status == 401).await;
    }
}

async fn roles(readers: &Readers) {
    let who = readers.ways[0].register("roland").await;
    let path = format!("/v1/users/{}/role", who.get("/v1/me").patiently().await.expect(200).text("/id"));
    for round in 1..=ROUNDS {
        let (role, status) = if round % 2 == 1 { ("staff", 200) } else { ("customer", 403) };
        readers.staff_at(round).put(&path, &json!({"role": role})).patiently().await.expect(200);
        let users = |who: &Client| who.get("/v1/users?limit=1");
        readers.all_show("a role", round, &who, users, |answer| answer.status == status).await;
    }
}

async fn found(readers: &Readers, engine: Engine) {
    let guest = readers.ways[0].clone();
    for round in 1..=ROUNDS {
        let word = format!("zephyr{round}");
        let made = readers.staff_at(round).post("/v1/products", &product(&word, 100));
        let made = made.patiently().await.expect(201);
        let search = |who: &Client| who.get(format!("/v1/search?q={word}"));
        let shown = |answer: &Answer| answer.at("/hits/0/product/id") == made.at("/id");
        let gone = |answer: &Answer| answer.at("/total") == 0;
        if engine == Engine::Sqlite {
            soon(&search(&guest), shown).await;
        }
        readers.all_show("search for what was made", round, &guest, search, shown).await;
        readers.staff_at(round).delete(made.header("location")).patiently().await.expect(204);
        if engine == Engine::Sqlite {
            soon(&search(&guest), gone).await;
        }
        readers.all_show("search for what is gone", round, &guest, search, gone).await;
    }
}

/// Waits for the index of embedded data, which one node has: the product house promises it within a second, not at once.
async fn soon(search: &Request, fits: impl Fn(&Answer) -> bool) {
    eventually("the index follows", async || fits(&search.clone().patiently().await)).await;
}

async fn categories(readers: &Readers) {
    let guest = readers.ways[0].clone();
    for round in 1..=ROUNDS {
        let category = json!({"slug": format!("shelf-{round}"), "title": "Shelf"});
        let made = readers.staff_at(round).post("/v1/categories", &category).patiently().await.expect(201);
        let listed = |answer: &Answer| answer.to_string().contains(&made.text("/id"));
        let list = |who: &Client| who.get("/v1/categories");
        readers.all_show("a category", round, &guest, list, listed).await;
    }
}

async fn settings(readers: &Readers) {
    let guest = readers.ways[0].clone();
    for round in 1..=ROUNDS {
        let taxes = json!({"tax_rates": [
            {"country": "DE", "category": "standard", "rate_bp": 1900 + round, "included": true}]});
        readers.staff_at(round).put("/v1/settings/tax-rates", &taxes).patiently().await.expect(200);
        let shown = |answer: &Answer| answer.at("/tax_rates/0/rate_bp") == json!(1900 + round);
        let list = |who: &Client| who.get("/v1/settings/tax-rates");
        readers.all_show("a tax rate", round, &guest, list, shown).await;
    }
}

/// Everybody writes and reads at the same time.
async fn no_answer_is_stale(topology: Topology) {
    if !allowed(topology) {
        return;
    }
    let fleet = Fleet::start(topology).await;
    let readers = Readers::of(&fleet).await;
    let item = readers.staff.product("chart").stock(1_000_000).create().await;
    futures::join!(
        join_all(["pear", "plum"].map(|name| prices(&readers, name))),
        join_all([(); 2].map(|()| cart_lines(&readers, &item))),
        join_all(["nail", "bolt"].map(|name| stock(&readers, name))),
        join_all([(); 2].map(|()| orders(&readers, &item))),
        join_all(["sara", "seth"].map(|name| sessions(&readers, name))),
        roles(&readers),
        found(&readers, engine()),
        categories(&readers),
        settings(&readers),
    );
    let stale = readers.stale.into_inner();
    assert!(stale.is_empty(), "{} stale answers of {topology}:\n{}", stale.len(), stale.join("\n"));
    fleet.audit(shoal_testkit::SOON).await;
}

#[tokio::test]
async fn one_process_shows_what_it_wrote() {
    no_answer_is_stale(Topology::Alone).await;
}

#[tokio::test]
async fn three_equal_nodes_show_what_any_of_them_wrote() {
    no_answer_is_stale(EQUAL).await;
}

#[tokio::test]
async fn services_apart_show_what_any_of_them_wrote() {
    no_answer_is_stale(Topology::Apart).await;
}

#[tokio::test]
async fn a_mixture_shows_what_any_of_it_wrote() {
    no_answer_is_stale(Topology::Mixture).await;
}

//! How soon every node shows what was written through one of them, measured at the public API.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use shoal_testkit::{Answer, Client, Fleet, Topology};
use tokio::time::Instant;

use super::{EQUAL, allowed};

const ROUNDS: usize = 30;
/// Far beyond what is promised: a second over several nodes, a tenth of it on one machine. The times are printed.
const AT_MOST: Duration = Duration::from_secs(10);

fn mug(title: &str, sku: &str, cents: usize) -> Value {
    json!({"title": title, "variants": [{"sku": sku, "stock": 5, "weight_g": 100,
        "prices": [{"amount": cents, "currency": "EUR"}]}]})
}

/// The time until every node's answer to this path fits.
async fn seen_by_all(nodes: &[Client], path: &str, fits: impl Fn(&Answer) -> bool) -> Duration {
    let start = Instant::now();
    let looks = nodes.iter().map(async |node| {
        while !fits(&node.get(path).await.expect(200)) {
            assert!(start.elapsed() < AT_MOST, "{path} at {}: not within {AT_MOST:?}", node.address());
            tokio::task::yield_now().await;
        }
    });
    join_all(looks).await;
    start.elapsed()
}

fn print(what: &str, topology: Topology, mut times: Vec<Duration>) {
    times.sort_unstable();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{what} by all of {topology}: median {median:?}, longest {longest:?} of {}", times.len());
}

async fn measure(topology: Topology) {
    let fleet = Fleet::start(topology).await;
    let staff = fleet.staff().await;
    let guests: Vec<Client> = fleet.gateways().into_iter().map(|node| fleet.guest_of(node)).collect();
    let token = staff.token().expect("staff is logged in");
    let writer = |round: usize| guests[round % guests.len()].with_token(token);
    let made = staff.post("/v1/products", &mug("mug", "MUG", 1)).await.expect(201);
    let path = format!("/v1/products/{}", made.text("/id"));
    let cart = json!({"lines": [{"sku": "MUG", "quantity": 1}]});
    let cart = format!("/v1/carts/{}", guests[0].post("/v1/carts", &cart).await.expect(201).text("/id"));
    let (mut prices, mut carts, mut found) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let cents = 100 + round;
        // Every node has the price before in its memory.
        join_all(guests.iter().map(|guest| guest.get(&path).into_future())).await;
        writer(round).put(&path, &mug("mug", "MUG", cents)).await.expect(200);
        let price = |answer: &Answer| answer.at("/variants/0/prices/0/amount") == cents;
        prices.push(seen_by_all(&guests, &path, price).await);
        carts.push(seen_by_all(&guests, &cart, |cart| cart.at("/totals/subtotal/amount") == cents).await);

        let (name, sku) = (format!("beaker{round}"), format!("BEAKER-{round}"));
        writer(round + 1).post("/v1/products", &mug(&name, &sku, 500)).await.expect(201);
        let search = format!("/v1/search?q={name}");
        let first = |answer: &Answer| answer.at("/hits/0/product/title") == *name;
        found.push(seen_by_all(&guests, &search, first).await);
    }
    print("a new price was shown", topology, prices);
    print("a cart was priced anew", topology, carts);
    print("a new product was found", topology, found);
}

#[tokio::test]
async fn one_machine_shows_prices_and_finds_products_at_once() {
    measure(Topology::Alone).await;
}

#[tokio::test]
async fn every_node_shows_prices_and_finds_products_at_once() {
    if allowed(EQUAL) {
        measure(EQUAL).await;
    }
}

//! How many SQL statements a checkout costs: as many for one line as for a hundred.
//!
//! All houses' databases count; the test provider's own book does not, since a real provider is elsewhere.

use std::time::Duration;

use futures::{StreamExt, stream};
use shoal_sql::Engine;
use shoal_testkit::{Item, Setup, Shop};

/// The most statements a checkout may cost, all houses together.
const STATEMENTS_MAX: u64 = 15;
/// Where other nodes may have changed prices and rates, one read of each says that those remembered are the present
/// ones. Many checkouts at once share the read of the prices.
const PROOFS: u64 = 2;
/// Checkouts that are counted.
const CHECKOUTS: u64 = 5;
/// Checkouts that are counted under load.
const UNDER_LOAD: u64 = 200;
/// Shoppers at the same time.
const SHOPPERS: usize = 32;

fn setup() -> Setup {
    // Nothing but the checkouts shall count: sagas left behind are not looked for meanwhile.
    Setup { sweep_every: Duration::from_secs(3600), ..Setup::default() }
}

async fn stocked(shop: &Shop, products: u32) -> Vec<Item> {
    let mut goods = Vec::new();
    for number in 0..products {
        goods.push(shop.product(&format!("cup {number}")).stock(100_000).create().await);
    }
    goods
}

fn since(before: [u64; 4], shop: &Shop) -> [u64; 4] {
    let now = statements(shop);
    std::array::from_fn(|house| now[house] - before[house])
}

fn statements(shop: &Shop) -> [u64; 4] {
    shop.houses().counters().map(|counters| counters.statements)
}

/// The statements of each house for one checkout, each time the same.
async fn of_one_checkout(shop: &Shop, lines: &[(&Item, i64)], with_cart: bool) -> [u64; 4] {
    let mut costs = Vec::new();
    for _ in 0..CHECKOUTS {
        let purchase = match with_cart {
            true => shop.pay(&shop.cart(lines).await),
            false => shop.buy(lines),
        };
        let before = statements(shop);
        purchase.await.expect(201);
        costs.push(since(before, shop));
    }
    costs.dedup();
    assert_eq!(costs.len(), 1, "the same checkout costs now this, now that: {costs:?}");
    costs[0]
}

#[tokio::test]
async fn a_checkout_costs_the_same_few_statements_for_one_line_and_for_a_hundred() {
    let shop = Shop::with(Setup { relays: false, ..setup() }).await;
    let goods = stocked(&shop, 100).await;
    let all: Vec<_> = goods.iter().map(|item| (item, 1)).collect();
    // The first one fills the caches.
    shop.buy(&all).await.expect(201);
    shop.quiet().await;
    println!("statements of   users products orders checkout  sum");
    for (name, with_cart) in [("lines", false), ("cart", true)] {
        let mut sums = Vec::new();
        for count in [1, 100] {
            let [users, products, orders, checkout] = of_one_checkout(&shop, &all[..count], with_cart).await;
            let sum = users + products + orders + checkout;
            println!("{name:>6} of {count:<4} {users:>7} {products:>8} {orders:>6} {checkout:>8} {sum:>4}");
            sums.push(sum);
        }
        assert_eq!(sums[0], sums[1], "{name}: lines cost statements");
        let proofs = if shop.engine() == Engine::Postgres { PROOFS } else { 0 };
        assert!(sums[0] <= STATEMENTS_MAX + proofs, "{name}: {} statements", sums[0]);
    }
    shop.audit().await;
}

#[tokio::test]
async fn telling_others_of_an_order_costs_next_to_no_statements_under_load() {
    let shop = Shop::with(setup()).await;
    let goods = stocked(&shop, 1).await;
    shop.checkout(&goods[0], 1).await.expect(201);
    shop.quiet().await;
    let before = statements(&shop);
    let buy = stream::iter(0..UNDER_LOAD).map(|_| shop.checkout(&goods[0], 1)).buffer_unordered(SHOPPERS);
    let answers: Vec<_> = buy.collect().await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    shop.quiet().await;
    let sum = since(before, &shop).iter().sum::<u64>();
    println!("{:.1} statements a checkout, relays included", sum as f64 / UNDER_LOAD as f64);
    assert!(sum <= STATEMENTS_MAX * UNDER_LOAD, "{sum} statements for {UNDER_LOAD} checkouts");
    assert_eq!(shop.audit().await.events_waiting(), 0);
}

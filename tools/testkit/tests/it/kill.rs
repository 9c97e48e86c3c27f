//! `kill -9` of the real process at random moments under load, again and again: what was acknowledged is there once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use shoal_testkit::{Answer, Branch, Client, Item, Request, eventually, fresh_key};
use shoal_types::{Rng, Secret, SeededRng};

/// How often the process dies.
const KILLS: u32 = 50;
/// Shoppers at the same time.
const SHOPPERS: usize = 8;
/// The longest life of a process, counted from when it serves.
const LIFE_MAX_MS: u32 = 500;
/// The pause before a request is sent again that nobody answered.
const AGAIN: Duration = Duration::from_millis(20);
/// How soon after the last start no saga is under way any more.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);
/// The same seed kills after the same times.
const SEED: u64 = 20_261_122;

/// The cards shoppers pay with; each leads to an order, some by a detour.
const CARDS: [&str; 6] = [
    "tok_success",
    "tok_success",
    "tok_lost_answer",
    "tok_capture_lost",
    "tok_capture_outage",
    "tok_redirect",
];

/// Sends a request until it is answered for good.
async fn insist(request: Request) -> Answer {
    loop {
        match request.clone().send().await {
            // Under way, away, or out of time: nothing is lost, ask again with the same key.
            Ok(answer) if [202, 503, 504].contains(&answer.status) => {}
            Ok(answer) => return answer,
            Err(_) => {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Buys until there is an order; where the payment waits for the buyer, the provider reports that they confirmed it.
async fn insist_on_order(provider: &Client, secret: &Secret, purchase: Request) -> Answer {
    loop {
        let answer = match purchase.clone().send().await {
            Ok(answer) if ![202, 503, 504].contains(&answer.status) => return answer,
            answer => answer.ok(),
        };
        if let Some(waiting) = answer.filter(|answer| answer.at("/status") == "awaiting_payment") {
            let event = waiting.text("/id");
            // Whether this report arrives or the next one does not matter.
            let _ = provider.notice(secret, &event, "payment.authorised", &waiting).send().await;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// What a shopper has been promised.
#[derive(Debug, Default)]
struct Promised {
    /// The order of every purchase.
    orders: Vec<String>,
    /// Of these orders, those cancelled again.
    cancelled: Vec<String>,
}

/// Buys with and without a cart until told to stop, and cancels every fifth order.
async fn shop_until(
    stop: Arc<AtomicBool>,
    guest: Client,
    staff: Client,
    goods: Arc<Vec<Item>>,
    secret: Secret,
    seed: u64,
) -> Promised {
    let rng: &dyn Rng = &SeededRng::new(seed);
    let mut promised = Promised::default();
    while !stop.load(Ordering::SeqCst) {
        let item = &goods[rng.below(goods.len() as u32) as usize];
        let other = &goods[rng.below(goods.len() as u32) as usize];
        let card = CARDS[rng.below(CARDS.len() as u32) as usize];
        let lines = [(item, i64::from(rng.below(3)) + 1), (other, 1)];
        let purchase = match rng.below(2) {
            0 => guest.pay(&insist(guest.open_cart(&lines)).await.expect(201).text("/id")),
            _ => guest.buy(&lines),
        };
        let answer = insist_on_order(&guest, &secret, purchase.card(card).request()).await;
        let order = answer.expect(201).text("/order/id");
        if rng.below(5) == 0 {
            let cancel = staff.post(format!("/v1/orders/{order}/cancel"), &json!({})).key(fresh_key());
            insist(cancel).await.expect(200);
            promised.cancelled.push(order.clone());
        }
        promised.orders.push(order);
    }
    promised
}

/// The orders without which the test means nothing. Where other nodes may share the data, what a dead process had under
/// way waits for the end of its lease, and most shoppers with it.
fn orders_min() -> usize {
    if std::env::var(shoal_sql::testing::SERVER).is_ok() { 30 } else { 100 }
}

#[tokio::test]
async fn fifty_kills_under_load_lose_no_order_and_make_none_twice() {
    let mut branch = Branch::start().await;
    let (guest, staff) = (branch.guest(), branch.staff().await);
    let mut goods = Vec::new();
    for name in ["cup", "pot", "jug"] {
        goods.push(staff.product(name).stock(1_000_000).create().await);
    }
    let (goods, stop) = (Arc::new(goods), Arc::new(AtomicBool::new(false)));
    let shoppers: Vec<_> = (0..SHOPPERS as u64)
        .map(|number| {
            let (stop, goods, secret) = (stop.clone(), goods.clone(), branch.webhook_secret());
            tokio::spawn(shop_until(stop, guest.clone(), staff.clone(), goods, secret, SEED + 1 + number))
        })
        .collect();

    let rng: &dyn Rng = &SeededRng::new(SEED);
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(u64::from(rng.below(LIFE_MAX_MS)))).await;
        branch.process.kill_9();
        branch.process.start().await;
    }
    stop.store(true, Ordering::SeqCst);
    let mut promised = Promised::default();
    for shopper in shoppers {
        let one = shopper.await.expect("a shopper was told something that should not be");
        promised.orders.extend(one.orders);
        promised.cancelled.extend(one.cancelled);
    }

    let books = branch.audit(SETTLED_WITHIN).await;
    eventually("every event is carried", async || books.events_waiting() == 0).await;
    assert_eq!(books.discrepancies(), [""; 0], "the figures of sales are those of a recount");
    assert!(books.units_sold() >= books.orders(), "sales were counted");
    let distinct: HashSet<_> = promised.orders.iter().collect();
    println!("{} orders over {KILLS} kills, {} cancelled", distinct.len(), promised.cancelled.len());
    assert!(distinct.len() >= orders_min(), "too few orders to mean anything: {}", distinct.len());
    assert_eq!(distinct.len(), promised.orders.len(), "two purchases were promised one order");
    let standing = (promised.orders.len() - promised.cancelled.len()) as i64;
    assert_eq!((books.orders(), books.orders_ever()), (standing, promised.orders.len() as i64));
    for order in &promised.orders {
        let expected = if promised.cancelled.contains(order) { "cancelled" } else { "paid" };
        let kept = staff.get(format!("/v1/orders/{order}")).await.expect(200);
        assert_eq!(kept.text("/status"), expected, "{order}");
    }
}

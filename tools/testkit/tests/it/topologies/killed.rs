//! `kill -9` of each node in turn while people buy: what was acknowledged is there once, and the same request gets the
//! same answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use shoal_testkit::{Answer, Books, Client, Fleet, Item, Request, Topology, eventually};
use tokio::time::Instant;

use super::{EQUAL, allowed};

/// Shoppers at the same time.
const SHOPPERS: usize = 6;
/// Orders between one death and the next.
const ORDERS: usize = 8;
/// The pause before a request is sent again that nobody answered for good.
const AGAIN: Duration = Duration::from_millis(20);
/// How soon after the last start no saga is under way any more: a lease, and time to work.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);

/// Cards that lead to an order, some by a detour.
const CARDS: [&str; 4] = ["tok_success", "tok_lost_answer", "tok_capture_lost", "tok_capture_outage"];

/// A purchase, and the answer it got.
struct Promise {
    purchase: Request,
    answer: Answer,
}

/// Sends a request to one gateway after another until it is answered for good.
async fn insist(request: &Request) -> Answer {
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

/// What shoppers have in common.
struct Rush {
    guest: Client,
    item: Item,
    over: AtomicBool,
    orders: AtomicUsize,
}

impl Rush {
    /// Buys until it is over.
    async fn buy(self: Arc<Self>, shopper: usize) -> Vec<Promise> {
        let mut promises = Vec::new();
        while !self.over.load(Ordering::SeqCst) {
            let number = promises.len();
            let purchase = self.guest.buy(&[(&self.item, 1)]).card(CARDS[(shopper + number) % CARDS.len()]);
            let purchase = purchase.key(format!("shopper-{shopper}-{number}")).request();
            let answer = insist(&purchase).await.expect(201);
            self.orders.fetch_add(1, Ordering::SeqCst);
            promises.push(Promise { purchase, answer });
        }
        promises
    }

    /// Waits until so many more orders were made.
    async fn goes_on(&self) {
        let before = self.orders.load(Ordering::SeqCst);
        eventually("people buy", async || self.orders.load(Ordering::SeqCst) >= before + ORDERS).await;
    }
}

/// Every node dies once. Where others can do its work, they do, until it is back.
async fn nothing_acknowledged_is_lost(topology: Topology, others_go_on: bool) {
    if !allowed(topology) {
        return;
    }
    let mut fleet = Fleet::start(topology).await;
    let staff = fleet.staff().await;
    let item = staff.product("rudder").stock(1_000_000).create().await;
    let guest = fleet.guest();
    let rush = Arc::new(Rush { guest, item, over: AtomicBool::new(false), orders: AtomicUsize::new(0) });
    let shoppers: Vec<_> = (0..SHOPPERS).map(|shopper| tokio::spawn(rush.clone().buy(shopper))).collect();
    for node in 0..fleet.size() {
        rush.goes_on().await;
        fleet.kill_9(node);
        if others_go_on {
            rush.goes_on().await;
        }
        fleet.start_again(node).await;
    }
    rush.goes_on().await;
    rush.over.store(true, Ordering::SeqCst);
    let mut promises = Vec::new();
    for shopper in shoppers {
        promises.extend(shopper.await.expect("a shopper was told something that should not be"));
    }

    let books = fleet.audit(SETTLED_WITHIN).await;
    let (made, pieces) = (promises.len() as i64, 1_000_000 - promises.len() as i64);
    assert_eq!((books.orders(), books.orders_ever(), books.shelf("RUDDER")), (made, made, (pieces, 0)));
    for Promise { purchase, answer } in promises {
        let order = answer.text("/order/id");
        let again = purchase.await.expect(201);
        assert_eq!(again.text("/order/id"), order, "the same key gives another order");
        assert_eq!(again.text("/order/number"), answer.text("/order/number"));
        let kept = staff.get(format!("/v1/orders/{order}")).await.expect(200);
        assert_eq!(kept.text("/status"), "paid", "{order}");
    }
}

#[tokio::test]
async fn three_equal_nodes_lose_nothing_and_go_on() {
    nothing_acknowledged_is_lost(EQUAL, true).await;
}

#[tokio::test]
async fn a_mixture_loses_nothing() {
    nothing_acknowledged_is_lost(Topology::Mixture, false).await;
}

/// How long after its node's death a purchase may take whose buyer has gone too: its lease of three seconds, the two that
/// its card takes, and what a busy machine adds.
const FORGOTTEN_WITHIN: Duration = Duration::from_secs(8);

#[tokio::test]
async fn what_a_dead_node_was_at_is_brought_to_its_end_though_nobody_asks() {
    let topology = Topology::Equal(2);
    if !allowed(topology) {
        return;
    }
    let mut fleet = Fleet::start(topology).await;
    let staff = fleet.staff().await;
    let item = staff.product("rudder").stock(10).create().await;
    let purchase = fleet.guest_of(0).buy(&[(&item, 1)]).card("tok_slow").request();
    let lost = tokio::spawn(purchase.send());
    eventually("the purchase has begun", async || Books::open(fleet.data()).sagas_under_way() == 1).await;
    let died = Instant::now();
    fleet.kill_9(0);
    assert!(lost.await.expect("no panic").is_err(), "who answers is not dead");
    eventually("it has come to its end", async || Books::open(fleet.data()).sagas_under_way() == 0).await;
    println!("a purchase of a dead node ended {:.1} s after it", died.elapsed().as_secs_f64());
    assert!(died.elapsed() < FORGOTTEN_WITHIN, "{:?}", died.elapsed());
    assert_eq!(fleet.audit(SETTLED_WITHIN).await.orders(), 1);
}

//! Three nodes that do everything, over one PostgreSQL.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use shoal_sql::Engine;
use shoal_testkit::{Books, Client, Item, Request};
use tokio::time::{Instant, timeout};

use super::rig::{Rig, TIMEOUT, run};
use super::{LATE, until};
use crate::load::{Load, SHOPPERS, Tally};

const EQUAL: [&str; 3] = ["all"; 3];
const ALL: [usize; 3] = [0, 1, 2];
const PIECES: i64 = 1_000_000;
/// How soon after a node's death nobody feels it any more.
const NORMAL_WITHIN: Duration = Duration::from_secs(2);
/// How long people wait for a node that stands still.
const IMPATIENT: Duration = Duration::from_secs(1);

/// A shop on three nodes, and what was acknowledged so far.
struct Shop {
    rig: Rig,
    staff: Client,
    item: Item,
    orders: Vec<String>,
}

impl Shop {
    async fn open(rig: Rig) -> Self {
        let staff = rig.staff().await;
        let item = staff.product("keel").stock(PIECES).create().await;
        Self { rig, staff, item, orders: Vec::new() }
    }

    fn guests(&self, nodes: &[usize]) -> Vec<Client> {
        nodes.iter().map(|node| self.rig.guest(*node)).collect()
    }

    fn load(&self, name: &str, nodes: &[usize]) -> Load {
        Load::start(name, self.guests(nodes), &self.item)
    }

    async fn end(&mut self, load: Load) -> Tally {
        let tally = load.end().await;
        self.orders.extend(tally.orders.iter().cloned());
        tally
    }

    /// Every acknowledged order is there once, and no other.
    async fn audit(self) {
        let books = Books::settled(self.rig.data(), LATE).await;
        let distinct: HashSet<_> = self.orders.iter().collect();
        let made = self.orders.len() as i64;
        assert_eq!(distinct.len() as i64, made, "two purchases were promised one order");
        assert_eq!((books.orders(), books.orders_ever()), (made, made));
        assert_eq!(books.shelf(&self.item.sku), (PIECES - made, 0));
    }
}

/// A node dies as by a power failure, and comes back.
async fn a_death(shop: &mut Shop) {
    let load = shop.load("death", &ALL);
    load.sells(20).await;
    shop.rig.kill_9(1);
    let died = Instant::now();
    load.sells(40).await;
    shop.rig.start(1);
    shop.rig.answers(1).await;
    load.sells(20).await;
    let tally = shop.end(load).await;
    let last = tally.failures.iter().map(|(when, _)| when.duration_since(died)).max();
    println!("death: the last failure {last:?} after it");
    // Those that the dead node was working on; nobody else.
    assert!(tally.failures.len() <= SHOPPERS, "{:?}", tally.failures);
    assert!(last.is_none_or(|last| last < NORMAL_WITHIN), "{:?}", tally.failures);
}

/// Waits until this is refused for want of the data, with nobody kept waiting longer than the time of a request: the node
/// looks for the data until then, so which of the two refusals comes is a matter of chance.
async fn is_refused(request: Request) {
    let what = format!("cut off from the data, a node refuses {}", request.path());
    until(&what, async || {
        let asked = Instant::now();
        let answer =
            timeout(LATE, request.clone().send()).await.expect("an answer in time").expect("an answer");
        let (took, refusals) = (asked.elapsed(), [(503, "unavailable"), (504, "deadline_exceeded")]);
        assert!(took < TIMEOUT + Duration::from_secs(2), "{answer} after {took:?}");
        let refused = refusals.contains(&(answer.status, &*answer.code()));
        // What was read before the cut may still be known.
        assert!(refused || [200, 404].contains(&answer.status), "{answer}");
        refused
    })
    .await;
}

/// A node loses the data, and gets it back.
async fn a_cut(shop: &mut Shop) {
    let load = shop.load("cut", &[1, 2]);
    load.sells(5).await;
    shop.rig.hosts().cut(0, shop.rig.database()).expect("cut");
    let guest = shop.rig.guest(0);
    let who = guest.with_token(shop.staff.token().expect("staff have logged in"));
    let cart = "/v1/carts/cart_01h455vb4pex5vsknk084sn02q";
    let asked = [who.get("/v1/me"), guest.get(cart), guest.get("/v1/products")];
    join_all(asked.map(is_refused)).await;
    load.sells(20).await;
    shop.rig.hosts().heal_all().expect("healed");
    shop.rig.answers(0).await;
    let tally = shop.end(load).await;
    assert!(tally.failures.is_empty(), "{:?}", tally.failures);
}

/// A node stands still for a while, in the middle of its work.
async fn a_pause(shop: &mut Shop) {
    let load = Load::of_patience(IMPATIENT, "pause", shop.guests(&ALL), &shop.item);
    load.sells(10).await;
    shop.rig.signal(2, "-STOP");
    let paused = Instant::now();
    load.sells(30).await;
    shop.rig.signal(2, "-CONT");
    shop.rig.answers(2).await;
    load.sells(10).await;
    let tally = shop.end(load).await;
    println!("pause: it lasted {:?}", paused.elapsed());
    // Who asked it, or asks another for what it has begun, waits; nobody is refused.
    assert!(tally.failures.iter().all(|(_, how)| how.starts_with("nothing from")), "{:?}", tally.failures);
}

/// Nodes no longer reach each other, but all reach the data.
async fn two_sides(shop: &mut Shop) {
    let load = shop.load("two-sides", &ALL);
    load.sells(10).await;
    shop.rig.hosts().part(&[0], &[1, 2]).expect("cut");
    load.sells(40).await;
    shop.rig.hosts().heal_all().expect("healed");
    load.sells(10).await;
    let tally = shop.end(load).await;
    assert!(tally.failures.is_empty(), "{:?}", tally.failures);
}

/// Each node ends in good order what it has begun and starts again, one after the other. People go on asking it meanwhile,
/// over the connections they have: who is refused a new one asks another node, and nobody else notices.
async fn a_rolling_restart(shop: &mut Shop) {
    let load = shop.load("rolling-restart", &ALL);
    for node in ALL {
        load.sells(10).await;
        shop.rig.terminate(node).await;
        shop.rig.start(node);
        shop.rig.answers(node).await;
    }
    load.sells(10).await;
    let tally = shop.end(load).await;
    assert!(tally.failures.is_empty(), "{:?}", tally.failures);
}

#[test]
fn a_node_that_dies_or_loses_the_data_is_not_missed() {
    run(Engine::Postgres, &EQUAL, async |rig| {
        let mut shop = Shop::open(rig).await;
        a_death(&mut shop).await;
        a_cut(&mut shop).await;
        shop.audit().await;
    });
}

#[test]
fn a_node_that_stands_still_is_alone_or_restarts_is_not_missed() {
    run(Engine::Postgres, &EQUAL, async |rig| {
        let mut shop = Shop::open(rig).await;
        a_pause(&mut shop).await;
        two_sides(&mut shop).await;
        a_rolling_restart(&mut shop).await;
        shop.audit().await;
    });
}

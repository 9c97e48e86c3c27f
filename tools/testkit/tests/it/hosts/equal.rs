//! Three nodes that do everything, over one PostgreSQL.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use shoal_sql::Engine;
use shoal_testkit::{Books, Client, Item, Request};
use tokio::time::{Instant, timeout};

use super::rig::{Rig, run};
use super::{LATE, until};
use crate::load::{Load, SHOPPERS, Tally};

const EQUAL: [&str; 3] = ["all"; 3];
const ALL: [usize; 3] = [0, 1, 2];
const PIECES: i64 = 1_000_000;
/// How soon after a node's death nobody feels it any more.
const NORMAL_WITHIN: Duration = Duration::from_secs(2);
/// How long whoever asks is kept waiting by a node that is cut off from its data: a second until an answer is overdue, one
/// and a half to see that no server is there, and what a busy machine adds.
const REFUSED_WITHIN: Duration = Duration::from_secs(4);
/// The same once it knows; who registers has a password hashed first, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);
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

/// Waits until this is refused for want of the data, with nobody kept waiting for long. Tells how long the last one waited.
async fn is_refused(request: Request) -> Duration {
    let what = format!("cut off from the data, a node refuses {}", request.path());
    let mut took = Duration::ZERO;
    until(&what, async || {
        let asked = Instant::now();
        let answer =
            timeout(LATE, request.clone().send()).await.expect("an answer in time").expect("an answer");
        took = asked.elapsed();
        assert!(took < REFUSED_WITHIN, "{answer} after {took:?}");
        // What was read before the cut may still be known.
        if [200, 404].contains(&answer.status) {
            return false;
        }
        assert_eq!(answer.problem(), (503, "unavailable".to_owned()), "{answer}");
        assert_eq!(answer.header("retry-after"), "1", "{answer}");
        true
    })
    .await;
    took
}

/// Whether a node says that it wants requests.
async fn is_ready(guest: &Client) -> bool {
    guest.get("/readyz").send().await.is_ok_and(|answer| answer.status == 200)
}

/// A node loses the data, and gets it back.
async fn a_cut(shop: &mut Shop) {
    let load = shop.load("cut", &[1, 2]);
    load.sells(5).await;
    let guest = shop.rig.guest(0);
    let who = guest.with_token(shop.staff.token().expect("staff have logged in"));
    shop.rig.hosts().cut(0, shop.rig.database()).expect("cut");
    let cart = "/v1/carts/cart_01h455vb4pex5vsknk084sn02q";
    let register =
        json!({"email": "whelk@example.com", "password": "seventeen-diving-Cormorants", "name": "Wilma"});
    let asked =
        [who.get("/v1/me"), guest.get(cart), guest.get("/v1/products"), guest.post("/v1/users", &register)];
    join_all(asked.clone().map(is_refused)).await;
    // From now on nobody waits at all, and balancers and the other nodes are told.
    let again = join_all(asked.map(is_refused)).await;
    assert!(again.iter().all(|took| *took < AT_ONCE), "{again:?}");
    until("it is not ready", async || !is_ready(&guest).await).await;
    let staff = shop.rig.guest(1).with_token(shop.staff.token().expect("staff have logged in"));
    until("the others know", async || {
        let nodes = staff.get("/v1/cluster").await.at("/nodes");
        let of = |node: &&Value| node["name"] == "topsail-0";
        nodes
            .as_array()
            .is_some_and(|nodes| nodes.iter().find(of).is_some_and(|node| node["state"] == "joining"))
    })
    .await;
    load.sells(20).await;
    shop.rig.hosts().heal_all().expect("healed");
    let healed = until("it is ready again", async || is_ready(&guest).await).await;
    assert!(healed < REFUSED_WITHIN, "{healed:?}");
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

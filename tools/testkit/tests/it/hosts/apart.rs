//! Users, products and orders on a host each, and the way in with the checkout on a fourth.

use std::fmt::Display;
use std::time::Duration;

use serde_json::json;
use shoal_servers::Capture;
use shoal_sql::Engine;
use shoal_testkit::{Answer, Client, Item, Request, fresh_key};
use tokio::time::{Instant, timeout};

use super::rig::{CLUSTER, Rig, run};
use super::{LATE, until};

const APART: [&str; 4] = ["users", "products", "orders", "gateway,checkout"];
const PRODUCTS: usize = 1;
const WAY_IN: usize = 3;
/// How long a refusal may take once it is known that a service is away.
const REFUSAL_WITHIN: Duration = Duration::from_secs(5);
/// A slow mobile network, kbit/s.
const SLOW: u32 = 800;

const EMAIL: &str = "limpet@example.com";
const PASSWORD: &str = "seventeen-diving-Cormorants";
const STREET: &str = "17 Barnacle Wharf";

/// What somebody who listens between nodes must not read.
const SECRETS: [&str; 12] = [
    EMAIL,
    PASSWORD,
    STREET,
    CLUSTER,
    "topsail-",
    "users",
    "products",
    "orders",
    "checkout",
    "gateway",
    "order.placed",
    "BEGIN CERTIFICATE",
];

async fn answered(request: Request) -> (Answer, Duration) {
    let asked = Instant::now();
    let answer = timeout(LATE, request.send()).await.expect("an answer in time").expect("an answer");
    (answer, asked.elapsed())
}

/// The way in loses one service, and gets it back.
async fn a_cut(rig: &Rig) {
    let guest = rig.guest(WAY_IN);
    rig.hosts().cut(WAY_IN, PRODUCTS).expect("cut");
    until("the way in says that the products are away", async || {
        let (answer, took) = answered(guest.get("/v1/products")).await;
        println!("cut off: {answer} after {took:?}");
        answer.problem() == (503, "unavailable".into()) && took < REFUSAL_WITHIN
    })
    .await;
    let new = json!({"email": "whelk@example.com", "password": PASSWORD, "name": "Wilma"});
    answered(guest.post("/v1/users", &new)).await.0.expect(201);
    rig.hosts().heal_all().expect("healed");
    until("the products are back", async || answered(guest.get("/v1/products")).await.0.status == 200).await;
}

async fn purchase(guest: &Client, item: &Item) -> Duration {
    let address = json!({"name": "Lima Pet", "line1": STREET, "city": "Hamburg", "postal_code": "20457",
        "country": "DE"});
    let purchase = guest.buy(&[(item, 1)]).with("email", json!(EMAIL)).with("shipping_address", address);
    let (answer, took) = answered(purchase.key(fresh_key()).request()).await;
    answer.expect(201);
    took
}

/// The way in reaches every service slowly.
async fn slow_links(rig: &Rig, item: &Item) {
    let guest = rig.guest(WAY_IN);
    let usual = purchase(&guest, item).await;
    for node in 0..WAY_IN {
        rig.hosts().slow(WAY_IN, node, SLOW).expect("slow");
    }
    for _ in 0..3 {
        println!("a purchase at {SLOW} kbit/s: {:?}; at full speed: {usual:?}", purchase(&guest, item).await);
    }
    rig.hosts().heal_all().expect("healed");
}

/// Whether these frames hold these bytes.
fn hold(frames: &[u8], text: impl Display) -> bool {
    let text = text.to_string();
    frames.windows(text.len()).any(|window| window == text.as_bytes())
}

fn listen(rig: &Rig, node: usize) -> Capture {
    rig.hosts().host(node).capture().expect("root may listen")
}

/// What is said in the clear to the way in is not heard between the nodes.
async fn eavesdroppers(rig: &mut Rig, item: &Item) {
    let between: Vec<Capture> = (0..WAY_IN).map(|node| listen(rig, node)).collect();
    let outside = listen(rig, WAY_IN);
    // Nodes meet anew: so greetings and gossip are heard from the first packet on.
    rig.kill_9(WAY_IN);
    rig.start(WAY_IN);
    rig.answers(WAY_IN).await;
    let guest = rig.guest(WAY_IN);
    let new = json!({"email": EMAIL, "password": PASSWORD, "name": "Lima Pet"});
    answered(guest.post("/v1/users", &new)).await.0.expect(201);
    let customer = guest.log_in(EMAIL, PASSWORD).await;
    for _ in 0..3 {
        purchase(&customer, item).await;
    }
    let outside = outside.stop().expect("it listened");
    for plain in [EMAIL, PASSWORD, STREET] {
        assert!(hold(&outside, plain), "the public port is plain HTTP, but {plain} was not heard");
    }
    for (node, capture) in between.into_iter().enumerate() {
        let frames = capture.stop().expect("it listened");
        println!("heard at {}: {} kB", APART[node], frames.len() / 1000);
        // The one word that TLS says in the clear: which protocol is to be spoken.
        assert!(hold(&frames, "shoal/1"), "no greeting was heard at {}", APART[node]);
        for secret in SECRETS {
            assert!(!hold(&frames, secret), "{secret} was heard at {}", APART[node]);
        }
    }
}

#[test]
fn services_apart_keep_their_secrets_and_live_with_bad_links() {
    run(Engine::Sqlite, &APART, async |mut rig| {
        let item = rig.staff().await.product("keel").stock(1_000).create().await;
        eavesdroppers(&mut rig, &item).await;
        slow_links(&rig, &item).await;
        a_cut(&rig).await;
        purchase(&rig.guest(WAY_IN), &item).await;
    });
}

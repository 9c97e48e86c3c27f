use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use shoal_contract::notifications::{Hear, ListWebhookDeliveries, Notifications as _, WebhookDeliveryState};
use shoal_contract::orders::OrderNoun;
use shoal_notifications::{House, MIGRATIONS, Options, WebhookOptions};
use shoal_sql::testing::Place;
use shoal_sql::{Database, Engine};
use shoal_types::{Context, Env, PageRequest};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{at_home, event, nobody, town, town_with};
use crate::receiver::{OK, Receiver, Reply};
use crate::town::Town;

/// Long enough for anything here on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A house that sends by itself, until it is dropped as a process is that was killed.
struct Node {
    house: Arc<House>,
    #[expect(dead_code, reason = "its end would stop the node")]
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Node {
    fn of(house: Arc<House>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(Arc::clone(&house).run_webhooks(stopped));
        Self { house, stop, task }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn options(webhooks: WebhookOptions, place: &Place) -> Options {
    Options { webhooks, ..Options::new(place.source().clone()) }
}

/// Two nodes with the same data, on the engine under test. Embedded data has one process, whose two senders are as much at
/// odds as those of two processes.
async fn nodes(env: &Env, place: &Place) -> [Node; 2] {
    let open = async || {
        let sql = place.options("notifications", MIGRATIONS, env);
        Database::open(sql).await.expect("opens")
    };
    let one = open().await;
    let other = if one.engine() == Engine::Sqlite { one.clone() } else { open().await };
    [one, other].map(|db| {
        let (users, orders) = nobody();
        Node::of(House::new(db, options(at_home(), place), env.clone(), users, orders))
    })
}

#[tokio::test]
async fn nodes_that_share_the_data_send_everything_once() {
    const EVENTS: usize = 120;
    let env = Env::system();
    let place = Place::migrated(&[("notifications", MIGRATIONS)], &env).await.expect("a place");
    let nodes = nodes(&env, &place).await;
    let receiver = Receiver::start().await;
    let cx = Context::system(&env, PATIENCE);
    let new = super::NewWebhookEndpoint { url: receiver.url(), description: None, events: vec!["*".into()] };
    nodes[0].house.create_webhook_endpoint(&cx, new).await.expect("made");
    for number in 0..EVENTS {
        let told = event::<OrderNoun>(&env, "order.placed", env.id());
        // Each is heard by both, at the same time, as two relays would have it.
        let hear = |node: &Node| {
            let (house, cx, events) = (node.house.clone(), cx.clone(), vec![told.clone()]);
            async move { house.hear(&cx, Hear { events }).await }
        };
        let (one, other) = tokio::join!(hear(&nodes[0]), hear(&nodes[1]));
        assert_eq!((one, other), (Ok(()), Ok(())), "{number}");
    }
    timeout(PATIENCE, receiver.has(EVENTS)).await.expect("all are sent");
    let mut seen = HashMap::<String, usize>::new();
    for request in receiver.received() {
        *seen.entry(request.id().to_owned()).or_default() += 1;
    }
    assert!(seen.len() == EVENTS && seen.values().all(|times| *times == 1), "{seen:?}");
}

#[tokio::test]
async fn what_a_node_was_sending_when_it_died_is_sent_again_under_its_id() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let endpoint = town.endpoint(&receiver).await.endpoint.id;
    receiver.answer_once(Reply::Hangs);
    let node = Node::of(town.house.clone());
    town.order_placed().await;
    timeout(PATIENCE, receiver.has(1)).await.expect("it is sent");
    drop(node);
    // Until the lease is over it may still be under way.
    town.clock.advance(at_home().timeout);
    town.send_due().await;
    assert_eq!(receiver.received().len(), 1);
    town.clock.advance(Duration::from_secs(16));
    town.send_due().await;
    let received = receiver.received();
    assert_eq!((received.len(), received[0].id()), (2, received[1].id()));
    let [delivery] = &town.deliveries(endpoint).await[..] else { panic!("one delivery") };
    assert_eq!((delivery.state, delivery.attempts), (WebhookDeliveryState::Delivered, 1));
}

/// The receiver has it, and the sender comes to note that when another has the delivery.
#[tokio::test]
async fn who_comes_back_late_changes_nothing_any_more() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let endpoint = town.endpoint(&receiver).await.endpoint.id;
    receiver.answer_once(Reply::Says("500 Oops", ""));
    town.order_placed().await;
    let late = town.house.clone();
    receiver.hold();
    let late = tokio::spawn(async move { late.send_due_webhooks().await });
    timeout(PATIENCE, receiver.has(1)).await.expect("it is sent");
    // The lease is over, and another node sends it.
    town.clock.advance(Duration::from_secs(31));
    let other = town.house.clone();
    let other = tokio::spawn(async move { other.send_due_webhooks().await });
    timeout(PATIENCE, receiver.has(2)).await.expect("it is sent again");
    receiver.let_go_of(1);
    other.await.expect("no panic").expect("sent");
    receiver.let_go_of(0);
    // The clock may have gone on while it looked for more, which takes its time away; what it had begun it ends.
    let _ = late.await.expect("no panic");
    let [delivery] = &town.deliveries(endpoint).await[..] else { panic!("one delivery") };
    assert_eq!((delivery.state, delivery.attempts), (WebhookDeliveryState::Delivered, 1));
    assert_eq!(town.shown(endpoint).await.failing_since, None);
}

#[tokio::test]
async fn however_many_endpoints_are_dead_the_others_are_served() {
    const DEAD: usize = 12;
    let webhooks = WebhookOptions { requests_max: DEAD + 4, timeout: Duration::from_secs(30), ..at_home() };
    let town = town_with(webhooks).await;
    let (dead, alive) = (Receiver::start().await, Receiver::start().await);
    dead.answer(Reply::Hangs);
    let dead_ones = futures::future::join_all((0..DEAD).map(|_| town.endpoint(&dead))).await;
    // They are known to fail: each may take up one request and no more.
    for made in &dead_ones {
        let id = made.endpoint.id;
        let fail = async move |tx: &mut shoal_sql::Tx| tx.execute(sql::FAIL, shoal_sql::params![id]).await;
        town.house.database().write(&town.system(), fail).await.expect("written");
    }
    let _node = Node::of(town.house.clone());
    for _ in 0..10 {
        town.order_placed().await;
    }
    timeout(PATIENCE, dead.has(DEAD)).await.expect("each is tried");
    let endpoint = town.endpoint(&alive).await.endpoint.id;
    let before = dead.received().len();
    for _ in 0..20 {
        town.order_placed().await;
    }
    // None of the dead has given up yet.
    timeout(Duration::from_secs(20), alive.has(20)).await.expect("nobody waits for the dead");
    assert_eq!((before, dead.received().len()), (DEAD, DEAD));
    let request = ListWebhookDeliveries {
        endpoint,
        page: PageRequest::default(),
        state: Some(WebhookDeliveryState::Failed),
        kind: None,
    };
    let failed = town.house.list_webhook_deliveries(&town.staff(), request).await.expect("listed");
    assert_eq!(failed.items, []);
}

shoal_sql::statements! {
    mod sql {
        FAIL = "update webhook_endpoints set failing_since = 1 where endpoint_id = $1";
    }
}

#[tokio::test]
async fn a_slow_endpoint_has_few_requests_at_a_time() {
    let (town, receiver) = (town().await, Receiver::start().await);
    town.endpoint(&receiver).await;
    receiver.answer(Reply::Hangs);
    let _node = Node::of(town.house.clone());
    for _ in 0..20 {
        town.order_placed().await;
    }
    timeout(PATIENCE, receiver.has(4)).await.expect("some are sent");
    assert_eq!(receiver.received().len(), 4);
}

/// Waits for what a commit or a clock brings, and for nothing else.
#[tokio::test]
async fn a_sender_with_nothing_to_do_asks_an_embedded_database_nothing() {
    let (town, receiver) = (town().await, Receiver::start().await);
    if town.house.database().engine() != Engine::Sqlite {
        return;
    }
    let endpoint = town.endpoint(&receiver).await.endpoint.id;
    let _node = Node::of(town.house.clone());
    town.order_placed().await;
    timeout(PATIENCE, receiver.has(1)).await.expect("it is sent");
    let done = async {
        while town.deliveries(endpoint).await[0].state == WebhookDeliveryState::Pending {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, done).await.expect("it is noted");
    settle(&town).await;
    let before = town.house.database().counters().statements;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(24 * 60 * 60)).await;
    tokio::time::resume();
    settle(&town).await;
    assert_eq!(town.house.database().counters().statements, before);
}

/// Lets every task that can run do so, until nobody has asked the database for a while.
async fn settle(town: &Town) {
    let mut quiet = 0;
    let mut seen = town.house.database().counters().statements;
    while quiet < 1_000 {
        tokio::task::yield_now().await;
        let now = town.house.database().counters().statements;
        quiet = if now == seen { quiet + 1 } else { 0 };
        seen = now;
    }
}

#[tokio::test]
async fn a_retry_comes_by_itself() {
    let env = Env::system();
    let place = Place::migrated(&[("notifications", MIGRATIONS)], &env).await.expect("a place");
    let [node, _other] = nodes(&env, &place).await;
    let receiver = Receiver::start().await;
    receiver.answer_once(Reply::Says("500 Oops", ""));
    receiver.answer(OK);
    let cx = Context::system(&env, PATIENCE);
    let new = super::NewWebhookEndpoint { url: receiver.url(), description: None, events: vec!["*".into()] };
    let endpoint = node.house.create_webhook_endpoint(&cx, new).await.expect("made").endpoint.id;
    let told = event::<OrderNoun>(&env, "order.placed", env.id());
    node.house.hear(&cx, Hear { events: vec![told] }).await.expect("heard");
    timeout(PATIENCE, receiver.has(2)).await.expect("it is tried again after five seconds");
    let request = ListWebhookDeliveries { endpoint, page: PageRequest::default(), state: None, kind: None };
    let delivered = async {
        loop {
            let page = node.house.list_webhook_deliveries(&cx, request.clone()).await.expect("listed");
            if page.items[0].state == WebhookDeliveryState::Delivered {
                return page.items[0].attempts;
            }
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(timeout(PATIENCE, delivered).await, Ok(2));
}

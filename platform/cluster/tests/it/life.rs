//! Joining, changing, leaving, dying and coming back.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use shoal_cluster::{Cluster, ClusterError, Load, Options, Pace, State};
use shoal_types::{Env, Fact};
use tokio::net::UdpSocket;

use super::nodes::{Shoal, all_see, listed, ready, sees, until};

fn shoal() -> Shoal {
    Shoal::new(1, 1)
}

#[tokio::test]
async fn nodes_meet_through_any_one_of_them() {
    let anna = shoal().join("anna", &[]).await;
    let bert = shoal().join("bert", &[anna.gossip_address()]).await;
    all_see(&[&anna, &bert], &["anna", "bert"]).await;
    // The newcomer need not know the first: the seed tells it.
    let carl = shoal().join("carl", &[bert.gossip_address()]).await;
    all_see(&[&anna, &bert, &carl], &["anna", "bert", "carl"]).await;
    let seen = carl.directory().member(anna.id()).expect("listed");
    assert_eq!((seen.gossip_address, &*seen.version, seen.alive), (anna.gossip_address(), "0.1.0", true));
    assert!(carl.directory().with_role("gateway").is_empty());
}

#[tokio::test]
async fn a_node_alone_is_in_its_own_directory_at_once() {
    let anna = shoal().join("anna", &[]).await;
    assert_eq!(ready(&anna.directory()), ["anna"]);
    anna.update(|me| me.state = State::Draining).expect("small");
    assert_eq!((ready(&anna.directory()).len(), listed(&anna.directory()).len()), (0, 1));
}

#[tokio::test]
async fn a_seed_may_come_last_and_may_be_the_node_itself() {
    // A port that is free now and will be the seed's.
    let reserved = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let seed = reserved.local_addr().expect("bound");
    drop(reserved);
    let anna = shoal().join("anna", &[seed]).await;
    let bert = shoal().join("bert", &[seed]).await;
    until("both keep asking the seed", || anna.counts().sent_packets > 2 && bert.counts().sent_packets > 2)
        .await;
    let env = Env::system();
    let options = Options { listen: seed, ..shoal().options("carl", &env, &[seed]) };
    let carl = Cluster::join(options, env).await.expect("the port is free again");
    all_see(&[&anna, &bert, &carl], &["anna", "bert", "carl"]).await;
}

#[tokio::test]
async fn a_seed_may_be_a_name() {
    let anna = shoal().join("anna", &[]).await;
    let env = Env::system();
    let mut options = shoal().options("bert", &env, &[]);
    options.seeds =
        vec!["no-such-host.invalid:1".into(), format!("localhost:{}", anna.gossip_address().port())];
    let bert = Cluster::join(options, env).await.expect("a free port");
    all_see(&[&anna, &bert], &["anna", "bert"]).await;
}

#[tokio::test]
async fn changes_are_seen_by_the_others() {
    let anna = shoal().join("anna", &[]).await;
    let bert = shoal().join("bert", &[anna.gossip_address()]).await;
    sees(&bert, &["anna", "bert"]).await;
    let until = Env::system().now().plus(Duration::from_secs(3_600));
    anna.update(|me| {
        me.load = Load { in_flight: 12, cpu_permille: 800, memory_mib: 55 };
        me.certificate_until = Some(until);
    })
    .expect("small");
    let seen = bert.directory();
    seen.until(|directory| {
        directory.member(anna.id()).is_some_and(|anna| {
            anna.load.in_flight == 12 && anna.certificate_until == Some(until) && anna.state == State::Ready
        })
    })
    .await;
    anna.update(|me| me.state = State::Draining).expect("small");
    sees(&bert, &["bert"]).await;
    assert_eq!(listed(&bert.directory()), ["anna", "bert"]);
    let novel = anna.update(|me| me.name = "x".repeat(5_000).into());
    assert!(matches!(novel, Err(ClusterError::TooLarge { .. })), "{novel:?}");
}

#[tokio::test]
async fn who_leaves_is_seen_to_leave_within_two_intervals() {
    let anna = shoal().join("anna", &[]).await;
    let bert = shoal().join("bert", &[anna.gossip_address()]).await;
    let carl = shoal().join("carl", &[anna.gossip_address()]).await;
    all_see(&[&anna, &bert, &carl], &["anna", "bert", "carl"]).await;
    let begun = Instant::now();
    let (bert_directory, carl_directory) = (bert.directory(), carl.directory());
    let noticed = async {
        let (bert_left, carl_left) = tokio::join!(
            bert_directory.until(|directory| ready(directory) == ["bert", "carl"]),
            carl_directory.until(|directory| ready(directory) == ["bert", "carl"]),
        );
        ((bert_left, carl_left), begun.elapsed())
    };
    let ((), (_, noticed)) = tokio::join!(anna.leave(), noticed);
    assert!(noticed < Pace::default().interval * 2, "{noticed:?}");
    all_see(&[&bert, &carl], &["bert", "carl"]).await;
    until("it is not even listed", || {
        [&bert, &carl].iter().all(|node| listed(&node.directory()) == ["bert", "carl"])
    })
    .await;
    anna.leave().await;
}

#[tokio::test]
async fn who_dies_gets_no_calls_after_two_seconds_and_is_forgotten_later() {
    let env = Env::system();
    let mut options = shoal().options("anna", &env, &[]);
    options.pace.forget_after = Duration::from_secs(1);
    let anna = Cluster::join(options, env).await.expect("a free port");
    let bert = shoal().join("bert", &[anna.gossip_address()]).await;
    let carl = shoal().join("carl", &[anna.gossip_address()]).await;
    all_see(&[&anna, &bert, &carl], &["anna", "bert", "carl"]).await;
    let begun = Instant::now();
    let id = bert.id();
    drop(bert);
    all_see(&[&anna, &carl], &["anna", "carl"]).await;
    let noticed = begun.elapsed();
    // 1.6 s of silence, half a second for a machine with other work.
    assert!(noticed > Duration::from_secs(1) && noticed < Duration::from_millis(2_600), "{noticed:?}");
    assert!(!carl.directory().member(id).expect("still listed").alive);
    until("anna forgets it", || anna.directory().member(id).is_none()).await;
}

#[tokio::test]
async fn a_node_restarted_at_its_address_replaces_its_former_self_at_once() {
    let anna = shoal().join("anna", &[]).await;
    let bert = shoal().join("bert", &[anna.gossip_address()]).await;
    sees(&anna, &["anna", "bert"]).await;
    let (former, address) = (bert.id(), bert.gossip_address());
    drop(bert);
    let again = restart(address, &[anna.gossip_address()]).await;
    let begun = Instant::now();
    let seen = anna.directory();
    seen.until(|directory| directory.member(again.id()).is_some()).await;
    assert!(seen.member(former).is_none() && begun.elapsed() < Duration::from_secs(1));
    assert_eq!(ready(&seen), ["anna", "bert"]);
}

/// A node at an address that a stopped one held; the socket is closed once its task has ended.
async fn restart(address: SocketAddr, seeds: &[SocketAddr]) -> Cluster {
    loop {
        let env = Env::system();
        let options = Options { listen: address, ..shoal().options("bert", &env, seeds) };
        match Cluster::join(options, env).await {
            Ok(node) => return node,
            Err(error) => assert_eq!(error.code(), "gossip_address_in_use"),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_used_is_refused_with_a_reason() {
    let taken = shoal().join("anna", &[]).await;
    let refused = |listen: SocketAddr| async move {
        let env = Env::system();
        let options = Options { listen, ..shoal().options("bert", &env, &[]) };
        Cluster::join(options, env).await.map(|_| ()).expect_err("refused")
    };
    assert_eq!(refused(taken.gossip_address()).await.code(), "gossip_address_in_use");
    let elsewhere = refused(SocketAddr::from(([192, 0, 2, 1], 7_100))).await;
    assert_eq!(elsewhere.code(), "gossip_address_refused");
    let env = Env::system();
    let mut options = shoal().options("bert", &env, &[]);
    options.listen = SocketAddr::from(([0, 0, 0, 0], 0));
    options.me.peer_address = SocketAddr::from(([0, 0, 0, 0], 7_000));
    let nowhere = Cluster::join(options, env).await.map(|_| ()).expect_err("refused");
    assert_eq!(nowhere.code(), "gossip_address_unknown");
}

#[tokio::test]
async fn a_node_on_all_addresses_is_reached_where_it_answers_calls() {
    let anna = shoal().join("anna", &[]).await;
    let env = Env::system();
    let mut options = shoal().options("bert", &env, &[anna.gossip_address()]);
    options.listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let bert = Cluster::join(options, env).await.expect("a free port");
    assert!(bert.gossip_address().ip().is_loopback());
    all_see(&[&anna, &bert], &["anna", "bert"]).await;
}

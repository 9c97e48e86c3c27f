//! Which node a call goes to, and what becomes of it when nodes fail. In paused time: each test is the same each time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use shoal_net::http::Metrics;
use shoal_net::rpc::BreakerState;
use shoal_types::wire::Call;
use shoal_types::{Context, Fault};
use tokio::time::{Instant, sleep};

use crate::fleet::{Fleet, Link, Node, failures, ms, stats_of};

const WITHIN: Duration = Duration::from_secs(10);

fn away() -> Fault {
    Fault::Unavailable { what: "pond".into() }
}

/// Breaks the connection as soon as a call has begun.
fn break_every_call(node: Arc<Node>) {
    node.delay(1_000);
    tokio::spawn(async move {
        loop {
            while node.running() == 0 {
                sleep(ms(1)).await;
            }
            node.link(Link::Down);
            sleep(ms(1)).await;
            node.link(Link::Up);
        }
    });
}

#[tokio::test(start_paused = true)]
async fn calls_are_spread_evenly_over_equal_nodes() {
    let fleet = Fleet::new(4);
    let client = fleet.client();
    let load = fleet.load(&client, 1_000, false, WITHIN);
    sleep(ms(4_000)).await;
    assert!(failures(&load.stop().await).is_empty());
    for node in fleet.nodes() {
        assert!((800..1_200).contains(&node.begun()), "{}", node.begun());
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_node_gets_few_calls_until_it_is_quick_again() {
    let fleet = Fleet::new(3);
    let client = fleet.client();
    let slow = fleet.nodes().remove(0);
    slow.delay(200);
    let load = fleet.load(&client, 300, false, WITHIN);
    sleep(ms(5_000)).await;
    assert!(slow.begun() < 80, "{} of 1,500", slow.begun());
    slow.delay(5);
    sleep(ms(10_000)).await;
    let before = slow.begun();
    sleep(ms(3_000)).await;
    assert!(slow.begun() - before > 225, "{} of 900", slow.begun() - before);
    assert!(failures(&load.stop().await).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_new_node_takes_its_share_at_once_and_no_more() {
    let fleet = Fleet::new(2);
    let client = fleet.client();
    let load = fleet.load(&client, 1_000, false, WITHIN);
    sleep(ms(2_000)).await;
    let new = fleet.start(1_000);
    fleet.list(&new);
    sleep(ms(100)).await;
    assert!((20..60).contains(&new.begun()), "{} of the first 100", new.begun());
    sleep(ms(900)).await;
    assert!((250..450).contains(&new.begun()), "{} of 1,000", new.begun());
    assert!(failures(&load.stop().await).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_new_node_with_cold_caches_is_not_flooded() {
    let fleet = Fleet::new(2);
    let client = fleet.client();
    let load = fleet.load(&client, 1_000, false, WITHIN);
    sleep(ms(2_000)).await;
    let cold = fleet.start(1_000);
    cold.delay(1_000);
    fleet.list(&cold);
    sleep(ms(1_000)).await;
    assert!((1..20).contains(&cold.begun()), "{} of 1,000", cold.begun());
    assert!(failures(&load.stop().await).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_killed_node_fails_no_idempotent_call_and_of_the_others_those_in_flight_on_it() {
    let fleet = Fleet::new(3);
    let client = fleet.client();
    let safe = fleet.load(&client, 1_000, true, WITHIN);
    sleep(ms(1_000)).await;
    fleet.nodes()[0].link(Link::Down);
    sleep(ms(2_000)).await;
    assert!(failures(&safe.stop().await).is_empty());
    let unsafe_ones = fleet.load(&client, 1_000, false, WITHIN);
    sleep(ms(1_000)).await;
    let in_flight = stats_of(&client, &fleet.nodes()[1]).in_flight;
    fleet.nodes()[1].link(Link::Down);
    sleep(ms(2_000)).await;
    let outcomes = unsafe_ones.stop().await;
    assert!(
        in_flight > 0 && failures(&outcomes).len() <= in_flight,
        "{in_flight} in flight, {:?}",
        failures(&outcomes)
    );
    assert!(outcomes.iter().all(|outcome| outcome.took < ms(50)), "nobody waited for the dead");
}

#[tokio::test(start_paused = true)]
async fn a_rolling_restart_fails_no_call() {
    let fleet = Fleet::new(3);
    let client = fleet.client();
    let load = fleet.load(&client, 1_000, false, WITHIN);
    sleep(ms(500)).await;
    for old in fleet.nodes() {
        // The directory hears of it late.
        old.drain();
        old.until_unconnected().await;
        assert_eq!(old.running(), 0);
        sleep(ms(300)).await;
        fleet.unlist(&old);
        sleep(ms(300)).await;
        fleet.list(&fleet.start(1_000));
        sleep(ms(1_000)).await;
    }
    let outcomes = load.stop().await;
    assert!(failures(&outcomes).is_empty(), "{:?}", failures(&outcomes));
    assert!(outcomes.iter().all(|outcome| outcome.took < ms(100)));
}

#[tokio::test(start_paused = true)]
async fn the_restart_of_a_services_only_node_costs_time_only() {
    let fleet = Fleet::new(1);
    let client = fleet.client();
    let load = fleet.load(&client, 200, false, WITHIN);
    sleep(ms(500)).await;
    let old = fleet.nodes().remove(0);
    old.drain();
    fleet.unlist(&old);
    sleep(ms(2_000)).await;
    fleet.list(&fleet.start(1_000));
    sleep(ms(1_000)).await;
    let outcomes = load.stop().await;
    assert!(failures(&outcomes).is_empty(), "{:?}", failures(&outcomes));
    assert!(outcomes.iter().all(|outcome| outcome.took < ms(2_400)));
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_is_noticed_within_two_seconds_and_left_before() {
    let fleet = Fleet::new(3);
    let client = fleet.client();
    let load = fleet.load(&client, 1_000, true, WITHIN);
    sleep(ms(1_000)).await;
    let held_at = Instant::now();
    let held = fleet.nodes().remove(0);
    held.link(Link::BlackHole);
    sleep(ms(3_000)).await;
    assert!(!stats_of(&client, &held).connected);
    let outcomes = load.stop().await;
    assert!(failures(&outcomes).is_empty(), "{:?}", failures(&outcomes));
    let slowest = outcomes.iter().map(|outcome| outcome.took).max().expect("calls were made");
    assert!((ms(1_400)..ms(1_700)).contains(&slowest), "{slowest:?}");
    let later = outcomes.iter().filter(|outcome| outcome.began > held_at + ms(600));
    assert!(later.map(|outcome| outcome.took).max() < Some(ms(100)), "nobody goes there any more");
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_costs_calls_that_must_not_be_repeated_an_error_within_two_seconds() {
    let fleet = Fleet::new(1);
    let client = fleet.client();
    assert!(fleet.call(&client, false, WITHIN).await.is_ok());
    fleet.nodes()[0].link(Link::BlackHole);
    let began = Instant::now();
    assert_eq!(fleet.call(&client, false, WITHIN).await, Err(away()));
    assert!((ms(1_400)..ms(1_700)).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_only_slow_is_waited_for() {
    let fleet = Fleet::new(1);
    let client = fleet.client();
    fleet.nodes()[0].delay(9_000);
    assert!(fleet.call(&client, false, WITHIN).await.is_ok());
    let late = fleet.call(&client, false, ms(3_000)).await;
    assert_eq!(late, Err(Fault::DeadlineExceeded {}));
    let stats = stats_of(&client, &fleet.nodes()[0]);
    assert_eq!((stats.failures, stats.breaker, stats.in_flight), (0, BreakerState::Closed, 0));
    assert!(stats.latency > ms(2_900), "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_flaps_is_left_alone_and_fails_no_idempotent_call() {
    let fleet = Fleet::new(3);
    let client = fleet.client();
    let flapping = fleet.nodes().remove(0);
    let load = fleet.load(&client, 200, true, WITHIN);
    for _ in 0..100 {
        flapping.link(Link::Up);
        sleep(ms(150)).await;
        flapping.link(Link::Down);
        sleep(ms(150)).await;
    }
    let outcomes = load.stop().await;
    assert!(failures(&outcomes).is_empty(), "{:?}", failures(&outcomes));
    let (lost, attempts) = (stats_of(&client, &flapping).failures, flapping.attempts.load(Ordering::SeqCst));
    assert!(lost < 60 && attempts < 60, "{lost} calls lost, {attempts} connections tried");
}

#[tokio::test(start_paused = true)]
async fn when_all_nodes_are_bad_calls_fail_fast_and_the_first_that_comes_back_is_found() {
    let fleet = Fleet::new(3);
    let client = fleet.client();
    fleet.nodes().iter().for_each(|node| node.link(Link::Down));
    let began = Instant::now();
    assert_eq!(fleet.call(&client, true, WITHIN).await, Err(away()));
    assert!((ms(2_900)..ms(3_300)).contains(&began.elapsed()), "a short absence is waited out");
    let load = fleet.load(&client, 100, true, WITHIN);
    sleep(ms(20_000)).await;
    let tried: usize = fleet.nodes().iter().map(|node| node.attempts.load(Ordering::SeqCst)).sum();
    assert!(tried < 100, "{tried} connections tried for 2,000 calls");
    fleet.nodes()[2].link(Link::Up);
    let up_at = Instant::now();
    sleep(ms(5_000)).await;
    let outcomes = load.stop().await;
    let before = outcomes.iter().filter(|outcome| outcome.began < up_at);
    assert!(before.clone().all(|outcome| outcome.fault.is_some() && outcome.took < ms(300)));
    let after = outcomes.iter().filter(|outcome| outcome.began > up_at + ms(2_000));
    assert!(after.clone().count() > 250 && after.clone().all(|outcome| outcome.fault.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_left_is_called_no_more_and_its_connection_closes_when_idle() {
    let fleet = Fleet::new(2);
    let client = fleet.client();
    let leaving = fleet.nodes().remove(0);
    leaving.delay(1_000);
    let (slow, caller) = (fleet.clone(), client.clone());
    let load = fleet.load(&client, 100, false, WITHIN);
    leaving.until_connected().await;
    while leaving.running() == 0 {
        sleep(ms(1)).await;
    }
    fleet.unlist(&leaving);
    slow.call(&caller, false, WITHIN).await.expect("the other answers");
    let begun = leaving.begun();
    leaving.until_unconnected().await;
    assert_eq!((leaving.begun(), leaving.running()), (begun, 0), "what it had begun it finished");
    assert!(failures(&load.stop().await).is_empty());
    fleet.unlist(&fleet.nodes()[1]);
    client.refresh();
    fleet.nodes()[1].until_unconnected().await;
}

#[tokio::test(start_paused = true)]
async fn trouble_is_not_multiplied_by_repeats() {
    let fleet = Fleet::new(4);
    let client = fleet.client();
    fleet.nodes().into_iter().for_each(break_every_call);
    let load = fleet.load(&client, 300, true, WITHIN);
    sleep(ms(10_000)).await;
    let outcomes = load.stop().await;
    let begun: usize = fleet.nodes().iter().map(|node| node.begun()).sum();
    assert!(begun > outcomes.len() / 2, "{begun} begun for {} calls", outcomes.len());
    assert!(begun <= outcomes.len() * 12 / 10 + 200, "{begun} begun for {} calls", outcomes.len());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_brings_nodes_down_does_not_bring_down_all() {
    let fleet = Fleet::new(5);
    let client = fleet.client();
    for node in fleet.nodes() {
        node.delay(60_000);
        tokio::spawn(async move {
            while node.begun() == 0 {
                sleep(ms(1)).await;
            }
            node.link(Link::Down);
        });
    }
    assert_eq!(fleet.call(&client, true, WITHIN).await, Err(away()));
    assert_eq!(fleet.nodes().iter().filter(|node| node.begun() > 0).count(), 3);
}

#[tokio::test(start_paused = true)]
async fn never_more_than_half_of_the_nodes_are_left_out() {
    let fleet = Fleet::new(4);
    let client = fleet.client();
    fleet.nodes().into_iter().take(3).for_each(break_every_call);
    let load = fleet.load(&client, 100, false, WITHIN);
    sleep(ms(20_000)).await;
    let states = client.stats().into_iter().map(|stats| stats.breaker);
    assert!(states.filter(|state| *state != BreakerState::Closed).count() == 3);
    let bad: Vec<usize> = fleet.nodes().iter().take(3).map(|node| node.begun()).collect();
    sleep(ms(5_000)).await;
    let good = fleet.nodes()[3].begun();
    assert!(bad.iter().sum::<usize>() > 100, "{bad:?} begun on bad nodes, {good} on the good one");
    load.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_large_body_over_a_slow_link_is_no_silence() {
    let fleet = Fleet::new(1);
    let client = fleet.client();
    fleet.nodes()[0].link(Link::Slow);
    let body = Bytes::from(vec![7; 600_000]);
    let cx = Context::system(&fleet.env, Duration::from_secs(60));
    let began = Instant::now();
    assert_eq!(client.call(&cx, "pond", "fish", body.clone(), false).await, Ok(body));
    assert!(began.elapsed() > ms(5_000), "{:?}", began.elapsed());
    assert_eq!(stats_of(&client, &fleet.nodes()[0]).failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_the_first_node_to_come() {
    let fleet = Fleet::new(0);
    let client = fleet.client();
    let (calling, caller) = (fleet.clone(), client.clone());
    let call = tokio::spawn(async move { calling.call(&caller, false, WITHIN).await });
    sleep(ms(1_500)).await;
    fleet.list(&fleet.start(1));
    let came_at = Instant::now();
    assert!(call.await.expect("no panic").is_ok());
    assert!(came_at.elapsed() < ms(300));
    let hurried = Fleet::new(0);
    assert_eq!(hurried.call(&hurried.client(), false, ms(100)).await, Err(away()), "it was not begun");
}

#[tokio::test(start_paused = true)]
async fn all_services_of_a_node_share_a_connection_and_are_counted_apart() {
    Metrics::install().expect("the only recorder");
    let fleet = Fleet::new(1);
    let client = fleet.client();
    for _ in 0..3 {
        assert!(fleet.call(&client, false, WITHIN).await.is_ok());
    }
    let cx = Context::system(&fleet.env, ms(500));
    let lake = client.call(&cx, "lake", "fish", Bytes::new(), false).await;
    assert_eq!(lake, Err(Fault::Unavailable { what: "lake".into() }));
    assert_eq!(fleet.nodes()[0].attempts.load(Ordering::SeqCst), 1);
    let stats = client.stats();
    assert_eq!(stats.iter().map(|stats| stats.service).collect::<Vec<_>>(), ["lake", "pond"]);
    let pond = &stats[1];
    assert_eq!((pond.connected, pond.calls, pond.failures, pond.in_flight), (true, 3, 0, 0));
    assert!((ms(1)..ms(6)).contains(&pond.latency), "{pond:?}");
    let text = Metrics::install().expect("the only recorder").render();
    assert!(text.contains(r#"rpc_calls_total{service="lake",outcome="failed"} 1"#), "{text}");
}

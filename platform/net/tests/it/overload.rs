//! A server under more load than it can bear. In paused time: each test is the same each time.

use shoal_types::Fault;
use tokio::time::{Duration, sleep};

use crate::fleet::{Fleet, Outcome, ms, stats_of};

const WITHIN: Duration = Duration::from_secs(1);

fn answered(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| outcome.fault.is_none()).count()
}

#[tokio::test(start_paused = true)]
async fn under_five_times_the_load_a_node_does_nine_tenths_of_its_best_and_recovers() {
    let fleet = Fleet::new(0);
    let node = fleet.start(8);
    fleet.list(&node);
    node.delay(10);
    let client = fleet.client();
    // Eight workers at 10 ms: at most 800 a second.
    let best = fleet.load(&client, 780, false, WITHIN);
    sleep(ms(5_000)).await;
    let best = best.stop().await;
    assert_eq!(answered(&best), best.len(), "all are answered at a load that it can bear");
    let over = fleet.load(&client, 4_000, false, WITHIN);
    sleep(ms(5_000)).await;
    let over = over.stop().await;
    assert!(
        answered(&over) * 10 >= answered(&best) * 9,
        "{} instead of {}",
        answered(&over),
        answered(&best)
    );
    let refused = over.iter().filter(|outcome| outcome.fault == Some(Fault::Overloaded {}));
    assert!(refused.clone().all(|outcome| outcome.took < ms(5)), "refusals are early");
    let wasted = over.len() - answered(&over) - refused.count();
    println!(
        "best {}, at five times the load {}, refused early {}, late {wasted}",
        answered(&best),
        answered(&over),
        over.len() - answered(&over) - wasted,
    );
    assert!(wasted * 20 < over.len(), "{wasted} of {} were begun in vain", over.len());
    let after = fleet.load(&client, 700, false, WITHIN);
    sleep(ms(5_000)).await;
    let after = after.stop().await;
    let start = after[0].began;
    let late = after.iter().filter(|outcome| outcome.began > start + ms(1_000));
    assert!(late.clone().all(|outcome| outcome.fault.is_none() && outcome.took < ms(30)));
}

#[tokio::test(start_paused = true)]
async fn what_an_overloaded_node_refuses_goes_to_another() {
    let fleet = Fleet::new(1);
    let full = fleet.nodes().remove(0);
    full.delay(60_000);
    let (glutton, client) = (fleet.client(), fleet.client());
    for _ in 0..1_024 {
        let (fleet, glutton) = (fleet.clone(), glutton.clone());
        tokio::spawn(async move { fleet.call(&glutton, false, ms(60_000)).await });
    }
    while full.running() < 1_024 {
        sleep(ms(1)).await;
    }
    let alone = fleet.call(&client, false, WITHIN).await;
    assert_eq!(alone, Err(Fault::Overloaded {}), "the limit counts the calls of all connections");
    fleet.list(&fleet.start(8));
    for _ in 0..400 {
        assert!(fleet.call(&client, false, WITHIN).await.is_ok());
    }
    let asked = stats_of(&client, &full).calls;
    assert!((10..80).contains(&asked), "it is asked now and then in two seconds, not each time: {asked}");
    assert_eq!(stats_of(&client, &full).failures, 0, "and not taken for broken");
}

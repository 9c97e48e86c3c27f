//! Consumers that refuse events.

use std::time::Duration;

use shoal_queue::nats::{Subscription, SubscriptionOptions};
use shoal_queue::{LetterFilter, Redriven, list_dead_letters, redrive};
use shoal_types::Fault;

use super::{all_in_order, harbour, heard, publishing, queue, server, subscribed};
use crate::pond::{Angler, context, env, feed, fish, pond};

fn unavailable() -> Option<Fault> {
    Some(Fault::Unavailable { what: "the lake".to_owned() })
}

#[tokio::test]
async fn a_poison_event_holds_back_its_aggregate_only_and_becomes_a_dead_letter_of_the_consumers_house() {
    let Some(server) = server() else { return };
    let (db, harbour, angler) = (pond().await, harbour().await, Angler::new("angler"));
    let (poison, other) = (fish(), fish());
    angler.refuse(poison, unavailable());
    let queue = queue(&server.url()).await;
    let relay = publishing(&db, &queue);
    let options = SubscriptionOptions {
        backoff: Duration::from_millis(50),
        tries: 4,
        ..SubscriptionOptions::default()
    };
    let subscription = Subscription::start(&queue, harbour.clone(), angler.clone(), options, env());
    feed(&db, poison).await;
    for _ in 0..30 {
        feed(&db, other).await;
    }
    all_in_order(&angler, &[other], 30).await;
    heard(&subscription, |heard| heard.dead_letters == 1).await;
    let letters = list_dead_letters(&harbour, &context(), None, 10).await.expect("read");
    assert_eq!((letters[0].consumer.as_str(), letters[0].event.sequence), ("angler", 1));
    assert_eq!(list_dead_letters(&db, &context(), None, 10).await, Ok(vec![]));

    angler.refuse_nothing();
    let consumers = [angler.clone() as std::sync::Arc<dyn shoal_queue::Consumer>];
    let none = LetterFilter { kind: Some("fish.caught".to_owned()), ..LetterFilter::default() };
    let redriven = redrive(&harbour, &consumers, &none, &context(), &env()).await;
    assert_eq!(redriven, Ok(Redriven { taken: 0, left: 0 }));
    let redriven = redrive(&harbour, &consumers, &LetterFilter::default(), &context(), &env()).await;
    assert_eq!(redriven, Ok(Redriven { taken: 1, left: 0 }));
    assert_eq!(angler.taken_of(poison), [1]);
    relay.stop().await;
    subscription.stop().await;
}

#[tokio::test]
async fn events_behind_a_refused_one_wait_and_come_in_their_order() {
    let Some(server) = server() else { return };
    let (db, harbour, angler) = (pond().await, harbour().await, Angler::new("angler"));
    let (slow, other) = (fish(), fish());
    angler.refuse(slow, unavailable());
    let queue = queue(&server.url()).await;
    let (relay, subscription) = (publishing(&db, &queue), subscribed(&queue, &harbour, angler.clone()));
    for _ in 0..10 {
        feed(&db, slow).await;
        feed(&db, other).await;
    }
    all_in_order(&angler, &[other], 10).await;
    assert_eq!(angler.taken_of(slow), Vec::<u64>::new());
    angler.refuse_nothing();
    all_in_order(&angler, &[slow], 10).await;
    assert_eq!(subscription.progress().borrow().dead_letters, 0);
    relay.stop().await;
    subscription.stop().await;
}

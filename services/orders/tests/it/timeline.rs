use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use shoal_contract::orders::{AddNote, CancelOrder, NoteBody, OrderRef, Orders as _};
use shoal_orders::Orders;
use shoal_queue::{Consumer, Event, Relay, RelayOptions};
use shoal_types::{Caller, Context, Fault, Role};

use crate::shop::Shop;

#[tokio::test]
async fn the_timeline_tells_what_happened_and_notes_are_for_staff() {
    let shop = Shop::open().await;
    let (_, cx) = shop.customer();
    let order = shop.paid(&cx, &[("MUG", 1)]).await;
    let note = AddNote { order: order.id, body: NoteBody { message: "call first".into() } };
    let entry = shop.orders.add_note(&shop.staff(), note).await.expect("noted");
    assert_eq!(
        (entry.sequence, entry.kind.as_str(), entry.message.as_str()),
        (3, "order.noted", "call first")
    );
    let cancel = CancelOrder { order: order.id, reason: Some("changed my mind".into()) };
    shop.orders.cancel_order(&shop.system(), cancel).await.expect("cancelled");

    let read = async |cx: &Context| -> Vec<(u64, String)> {
        let request = OrderRef { order: order.id, token: None };
        let entries = shop.orders.list_timeline(cx, request).await.expect("a timeline");
        entries.into_iter().map(|entry| (entry.sequence, entry.message)).collect()
    };
    let told = |sequence, message: &str| (sequence, message.to_owned());
    let placed = told(1, &format!("order {} was placed", order.number));
    let (paid, cancelled) =
        (told(2, "19.99 EUR were paid"), told(4, "the order was cancelled: changed my mind"));
    assert_eq!(
        read(&shop.staff()).await,
        [placed.clone(), paid.clone(), told(3, "call first"), cancelled.clone()]
    );
    assert_eq!(read(&cx).await, [placed, paid, cancelled]);
}

/// Remembers what it hears.
#[derive(Default)]
struct Listener(Mutex<Vec<(String, String, u64)>>);

#[async_trait]
impl Consumer for Listener {
    fn name(&self) -> &'static str {
        "listener"
    }

    fn wants(&self, _: &str) -> bool {
        true
    }

    async fn handle(&self, _: &Context, events: &[Event]) -> Result<(), Fault> {
        let heard = events.iter().map(|event| (event.kind.clone(), event.subject.clone(), event.sequence));
        self.0.lock().expect("not poisoned").extend(heard);
        Ok(())
    }
}

#[tokio::test]
async fn other_houses_hear_each_event_of_an_order_in_its_order() {
    let shop = Shop::open().await;
    let listener = Arc::new(Listener::default());
    let relay = Relay::start(
        shop.orders.database().clone(),
        Orders::outbox(),
        vec![listener.clone()],
        RelayOptions::default(),
        shop.env.clone(),
    );
    let mut progress = relay.progress();
    let order = shop.paid(&shop.guest(), &[("MUG", 1)]).await;
    progress.wait_for(|progress| progress.published == 2).await.expect("the relay lives");
    relay.stop().await;
    let subject = order.id.to_string();
    let expected = [("order.placed".to_owned(), subject.clone(), 1), ("order.paid".to_owned(), subject, 2)];
    assert_eq!(*listener.0.lock().expect("not poisoned"), expected);
}

#[tokio::test]
async fn staff_of_any_rank_may_note() {
    let shop = Shop::open().await;
    let order = shop.placed(&shop.guest(), &[("MUG", 1)]).await;
    let admin = shop.system().with_caller(Caller::User { id: shop.env.id(), role: Role::Administrator });
    for message in ["one", "two"] {
        let note = AddNote { order: order.id, body: NoteBody { message: message.into() } };
        shop.orders.add_note(&admin, note).await.expect("noted");
    }
    assert_eq!(shop.order(order.id).await.version, 3);
}

use std::time::Duration;

use shoal_queue::{Event, Outgoing, Retention, append_all, append_to, expire, receive};
use shoal_sql::{Batch, Error, params};
use shoal_types::Fault;

use crate::pond::{Fed, context, count, env, feed, fish, pond, published, relay, sql};

#[tokio::test]
async fn every_statement_is_understood() {
    let db = pond().await;
    assert_eq!(db.check(shoal_queue::STATEMENTS).await, Ok(()));
}

#[tokio::test]
async fn an_event_is_there_if_and_only_if_its_change_is() {
    let (db, cx, id) = (pond().await, context(), fish());
    let failed = db.write(&cx, async move |tx| {
        tx.find::<u64>(sql::FEED, params![id]).await?;
        append_all(tx, &[Outgoing::new("fish.fed", id, 1, Fed { meals: 1 })], &env()).await?;
        Err::<(), _>(Error::Busy)
    });
    assert_eq!(failed.await, Err(Error::Busy));
    assert_eq!(count(&db, sql::EVENTS).await, 0);
    feed(&db, id).await;
    assert_eq!(count(&db, sql::EVENTS).await, 1);
}

#[tokio::test]
async fn appending_is_one_statement_however_many_the_events() {
    let (db, ids) = (pond().await, [fish(), fish(), fish()]);
    let events = ids.map(|id| Outgoing::new("fish.fed", id, 1, Fed { meals: 1 }));
    let before = db.counters().statements;
    let batch = append_to(Batch::new(), &events, &env()).expect("serialises");
    db.batch(&context(), batch).await.expect("appended");
    assert_eq!(db.counters().statements - before, 1);
    assert_eq!(count(&db, sql::EVENTS).await, 3);
}

#[tokio::test]
async fn two_events_of_one_version_are_refused() {
    let (db, cx, id) = (pond().await, context(), fish());
    feed(&db, id).await;
    let again = db.write(&cx, async move |tx| {
        append_all(tx, &[Outgoing::new("fish.fed", id, 1, Fed { meals: 1 })], &env()).await
    });
    let error = again.await.expect_err("refused");
    assert!(error.is_unique("outbox.aggregate, outbox.sequence"), "{error}");
}

const CLOUD_EVENT: &str = r#"{
    "specversion": "1.0",
    "id": "event_01h455vb4pex5vsknk084sn02q",
    "source": "/pond",
    "type": "fish.fed",
    "datacontenttype": "application/json",
    "dataschema": "urn:shoal:events:fish.fed:1",
    "subject": "fish_01h455vb4pex5vsknk084sn02q",
    "aggregate": "01890a5d-ac96-774b-bcce-b302099a8057",
    "sequence": "00000000000000000007",
    "time": "2026-05-03T10:12:00.000000Z",
    "data": {"meals": 7}
}"#;

#[test]
fn an_event_is_a_cloud_event() {
    let event: Event = serde_json::from_str(CLOUD_EVENT).expect("read");
    assert_eq!(event.decode::<Fed>(), Ok(Fed { meals: 7 }));
    let (written, expected): (serde_json::Value, serde_json::Value) =
        (serde_json::to_value(&event).expect("written"), serde_json::from_str(CLOUD_EVENT).expect("read"));
    assert_eq!(written, expected);
    assert!(matches!(event.decode::<bool>(), Err(Fault::Invalid { .. })));
}

#[test]
fn an_event_set_aside_in_an_older_form_can_be_read() {
    let text = CLOUD_EVENT.replace("\"00000000000000000007\"", "7");
    let text = text.replace("\"datacontenttype\": \"application/json\",", "");
    let text = text.replace("\"dataschema\": \"urn:shoal:events:fish.fed:1\",", "");
    let event: Event = serde_json::from_str(&text).expect("read");
    assert_eq!((event.sequence, event.schema.as_str()), (7, ""));
    let written = serde_json::to_value(&event).expect("written");
    assert_eq!(written.get("dataschema"), None, "an empty one is none");
}

#[tokio::test]
async fn an_inbox_hears_each_event_once() {
    let (db, cx) = (pond().await, context());
    let events = [serde_json::from_str::<Event>(CLOUD_EVENT).expect("read")];
    for (consumer, new) in [("angler", 1), ("angler", 0), ("heron", 1)] {
        let events = events.clone();
        let heard = db
            .write(&cx, async move |tx| Ok::<_, Error>(receive(tx, consumer, &events, &env()).await?.len()));
        assert_eq!(heard.await, Ok(new), "{consumer}");
    }
}

#[tokio::test]
async fn what_has_served_expires_and_what_waits_stays() {
    let (db, first, second) = (pond().await, fish(), fish());
    feed(&db, first).await;
    let relay = relay(&db, &[]);
    published(&relay, 1).await;
    relay.stop().await;
    feed(&db, second).await;
    let keep_nothing = Retention { answers: Duration::ZERO, events: Duration::ZERO };
    assert_eq!(expire(&db, &context(), &env(), Retention::default()).await, Ok(0));
    assert_eq!(expire(&db, &context(), &env(), keep_nothing).await, Ok(1));
    assert_eq!((count(&db, sql::EVENTS).await, count(&db, sql::UNPUBLISHED).await), (1, 1));
}

//! Programs outside that are sent what happens. The nodes of these suites send nothing, so that what is waiting stays so.

use serde_json::{Value, json};
use shoal_testkit::{Client, Request};

use super::{NOTHING, Talk};

const LIST: &str = "/v1/webhook-endpoints";

pub(super) async fn tell(talk: &mut Talk<'_>) {
    if !talk.fleet.knows("post", LIST) {
        return;
    }
    let customer = talk.customer("integrator").await;
    let endpoint = makes(talk, &customer).await;
    changes(talk, &customer, &endpoint).await;
    rotates(talk, &customer, &endpoint).await;
    follows(talk, &customer, &endpoint).await;
    switches(talk, &customer, &endpoint).await;
    removes(talk, &customer, &endpoint).await;
}

fn asks(url: &str, events: &[&str]) -> Value {
    json!({"url": url, "description": "The warehouse", "events": events})
}

/// A change that needs no more words.
fn press(who: &Client, path: &str) -> Request {
    who.post(path, &json!({}))
}

async fn makes(talk: &mut Talk<'_>, customer: &Client) -> String {
    // Nothing of the sort happens here: what is told of late would be in the list of one run and not of another.
    let good = asks("https://warehouse.example/shoal", &["cart.*"]);
    talk.only_for_staff(customer, |who| who.post(LIST, &good)).await;
    talk.only_for_staff(customer, |who| who.get(LIST)).await;
    let first = talk.ask(talk.staff.post(LIST, &good).key("warehouse"), 201).await;
    let again = talk.ask(talk.staff.post(LIST, &good).key("warehouse"), 201).await;
    assert_eq!(again.body, first.body, "a key gives the first answer, its secret too");
    for bad in [
        asks("http://warehouse.example/", &["*"]),
        asks("https://169.254.169.254/", &["*"]),
        asks("https://ann:secret@warehouse.example/", &["*"]),
        asks("https://warehouse.example/", &["order.shipwrecked"]),
        asks("https://warehouse.example/", &[]),
    ] {
        talk.refuse(talk.staff.post(LIST, &bad), 422, "invalid_request").await;
    }
    talk.ask(talk.staff.get(LIST), 200).await;
    first.text("/endpoint/id")
}

async fn changes(talk: &mut Talk<'_>, customer: &Client, endpoint: &str) {
    let own = format!("{LIST}/{endpoint}");
    talk.only_for_staff(customer, |who| who.get(&own)).await;
    let shown = talk.ask(talk.staff.get(&own), 200).await;
    talk.ask(talk.staff.get(&own).header("if-none-match", shown.header("etag")), 304).await;
    let change = json!({"events": ["cart.abandoned"]});
    talk.only_for_staff(customer, |who| who.patch(&own, &change)).await;
    let changing = |tag: &str| talk.staff.patch(&own, &change).header("if-match", tag);
    let (now, stale) = (changing(shown.header("etag")), changing(shown.header("etag")));
    talk.ask(now, 200).await;
    talk.refuse(stale, 412, "webhook_endpoint_changed").await;
    let nobody = format!("{LIST}/webhook_endpoint_{NOTHING}");
    talk.refuse(talk.staff.get(&nobody), 404, "unknown_webhook_endpoint").await;
}

async fn rotates(talk: &mut Talk<'_>, customer: &Client, endpoint: &str) {
    let secret = format!("{LIST}/{endpoint}/secret");
    talk.only_for_staff(customer, |who| press(who, &secret)).await;
    let first = talk.ask(press(&talk.staff, &secret).key("first"), 200).await;
    let again = talk.ask(press(&talk.staff, &secret).key("first"), 200).await;
    assert_eq!(again.body, first.body, "a key gives the first answer, its secret too");
    talk.ask(press(&talk.staff, &secret).key("second"), 200).await;
    talk.ask(press(&talk.staff, &secret).key("third"), 200).await;
    talk.refuse(press(&talk.staff, &secret).key("first"), 409, "webhook_secret_replaced").await;
}

async fn follows(talk: &mut Talk<'_>, customer: &Client, endpoint: &str) {
    let own = format!("{LIST}/{endpoint}");
    let (test, list, resend) = (format!("{own}/test"), format!("{own}/deliveries"), format!("{own}/resend"));
    talk.only_for_staff(customer, |who| press(who, &test)).await;
    let tested = talk.ask(press(&talk.staff, &test).key("test"), 202).await;
    let delivery = format!("{list}/{}", tested.text("/id"));
    talk.only_for_staff(customer, |who| who.get(&list)).await;
    talk.ask(talk.staff.get(&list), 200).await;
    talk.ask(talk.staff.get(format!("{list}?state=delivered&type=webhook.test")), 200).await;
    talk.only_for_staff(customer, |who| who.get(&delivery)).await;
    talk.ask(talk.staff.get(&delivery), 200).await;
    let nothing = format!("{list}/webhook_delivery_{NOTHING}");
    talk.refuse(talk.staff.get(&nothing), 404, "unknown_webhook_delivery").await;
    let again = format!("{delivery}/resend");
    talk.only_for_staff(customer, |who| press(who, &again)).await;
    talk.ask(press(&talk.staff, &again), 202).await;
    let since = json!({"since": "2026-01-01T00:00:00Z"});
    talk.only_for_staff(customer, |who| who.post(&resend, &since)).await;
    talk.ask(talk.staff.post(&resend, &since), 200).await;
}

async fn switches(talk: &mut Talk<'_>, customer: &Client, endpoint: &str) {
    let own = format!("{LIST}/{endpoint}");
    let (enable, disable) = (format!("{own}/enable"), format!("{own}/disable"));
    for way in [&enable, &disable] {
        talk.only_for_staff(customer, |who| press(who, way)).await;
    }
    talk.ask(press(&talk.staff, &disable), 200).await;
    talk.refuse(press(&talk.staff, &format!("{own}/test")), 409, "webhook_endpoint_disabled").await;
    talk.ask(press(&talk.staff, &enable), 200).await;
}

async fn removes(talk: &mut Talk<'_>, customer: &Client, endpoint: &str) {
    let own = format!("{LIST}/{endpoint}");
    talk.only_for_staff(customer, |who| who.delete(&own)).await;
    talk.ask(talk.staff.delete(&own), 204).await;
    talk.refuse(talk.staff.delete(&own), 404, "unknown_webhook_endpoint").await;
}

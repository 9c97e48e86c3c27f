use std::time::Duration;

use serde_json::Value;
use shoal_contract::notifications::{
    Error, ListWebhookDeliveries, Notifications as _, ResendFailedWebhooks, ResentWebhooks,
    SwitchWebhookEndpoint, WEBHOOK_TEST, WebhookDeliveryRef, WebhookDeliveryState, WebhookDisabledReason,
    WebhookEndpointId, WebhookEndpointRef, WebhookEndpointState, WebhookError,
};
use shoal_contract::users::UserId;
use shoal_notifications::WebhookOptions;
use shoal_types::{PageRequest, Timestamp};

use super::{town, town_with};
use crate::receiver::{OK, Receiver, Reply};
use crate::town::Town;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn an_event_arrives_signed_and_is_noted() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let made = town.endpoint(&receiver).await;
    let event: Value = serde_json::from_str(&town.order_placed().await).expect("JSON");
    town.send_due().await;
    let [request] = &receiver.received()[..] else { panic!("one request") };
    assert_eq!((request.path.as_str(), request.id()), ("/hooks", event["id"].as_str().expect("an id")));
    assert_eq!(request.header("content-type"), "application/json");
    let now_s = town.env.now().as_micros() / 1_000_000;
    assert_eq!(request.header("webhook-timestamp"), now_s.to_string());
    assert_eq!(request.signed_by(&made.secret), [true]);
    let body: Value = serde_json::from_str(&request.body).expect("JSON");
    assert_eq!(
        (&body["type"], &body["data"], &body["timestamp"]),
        (&event["type"], &event["data"], &event["time"])
    );
    let [delivery] = &town.deliveries(made.endpoint.id).await[..] else { panic!("one delivery") };
    assert_eq!((delivery.state, delivery.attempts), (WebhookDeliveryState::Delivered, 1));
    assert_eq!((delivery.kind.as_str(), delivery.event.as_str()), ("order.placed", request.id()));
    let log = town.log(delivery).await;
    assert_eq!(log.body, request.body);
    let [attempt] = &log.attempts[..] else { panic!("one attempt") };
    assert_eq!((attempt.number, attempt.status, attempt.answer.as_str()), (1, Some(200), "thanks"));
    // Nothing is left to do.
    town.send_due().await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn an_endpoint_is_sent_what_it_asked_for_and_each_event_once() {
    let (town, orders, users, all) =
        (town().await, Receiver::start().await, Receiver::start().await, Receiver::start().await);
    town.endpoint_for(&orders, &["order.*"]).await;
    town.endpoint_for(&users, &["user.registered", "user.deleted"]).await;
    town.endpoint_for(&all, &["*"]).await;
    let user: UserId = town.env.id();
    let registered = town.event("user.registered", user, 1, serde_json::json!({"role": "customer"}));
    let changed = town.event("user.changed", user, 2, serde_json::json!({"role": "customer"}));
    let placed = town.order_placed().await;
    for _ in 0..2 {
        town.hear(&[registered.clone(), changed.clone(), placed.clone()]).await;
    }
    town.send_due().await;
    let kinds = |receiver: &Receiver| {
        let body = |request: &crate::receiver::Received| -> Value {
            serde_json::from_str(&request.body).expect("JSON")
        };
        let mut kinds: Vec<String> =
            receiver.received().iter().map(|request| body(request)["type"].to_string()).collect();
        kinds.sort();
        kinds
    };
    assert_eq!(kinds(&orders), ["\"order.placed\""]);
    assert_eq!(kinds(&users), ["\"user.registered\""]);
    assert_eq!(kinds(&all), ["\"order.placed\"", "\"user.changed\"", "\"user.registered\""]);
}

/// Goes from attempt to attempt of the endpoint's one delivery until it is over; when each was made, seconds after the
/// first.
async fn exhaust(town: &Town, endpoint: WebhookEndpointId) -> Vec<u64> {
    let start = town.env.now();
    let mut offsets = vec![];
    loop {
        offsets.push(town.env.now().since(start).as_secs());
        town.send_due().await;
        let [delivery] = &town.deliveries(endpoint).await[..] else { panic!("one delivery") };
        let Some(next) = delivery.next_attempt_at else { return offsets };
        // A moment before it nothing happens.
        let wait = next.since(town.env.now());
        town.clock.advance(wait - Duration::from_micros(1));
        town.send_due().await;
        assert_eq!(town.deliveries(endpoint).await[0].attempts, delivery.attempts);
        town.clock.advance(Duration::from_micros(1));
    }
}

#[tokio::test]
async fn an_endpoint_that_fails_for_three_days_is_disabled_and_goes_on_when_it_is_enabled() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let endpoint = town.endpoint(&receiver).await.endpoint.id;
    receiver.answer(Reply::Says("500 Oops", "no"));
    town.order_placed().await;
    let first_failed = town.env.now();
    let offsets = exhaust(&town, endpoint).await;
    assert_eq!(offsets.len(), 10, "{offsets:?}");
    // As the specification has it, each pause up to a tenth longer.
    let plain = [0, 5, 305, 2_105, 9_305, 27_305, 63_305, 113_705, 185_705, 272_105];
    for (offset, plain) in offsets.iter().zip(plain) {
        assert!((plain..=plain * 11 / 10 + 1).contains(offset), "{offsets:?}");
    }
    let shown = town.shown(endpoint).await;
    assert_eq!(shown.state, WebhookEndpointState::Disabled);
    assert_eq!(shown.disabled_reason, Some(WebhookDisabledReason::Failing));
    assert_eq!((shown.failing_since, shown.disabled_at), (Some(first_failed), Some(town.env.now())));
    let [delivery] = &town.deliveries(endpoint).await[..] else { panic!("one delivery") };
    assert_eq!((delivery.state, delivery.attempts), (WebhookDeliveryState::Failed, 10));
    let attempts = town.log(delivery).await.attempts;
    let seen: Vec<_> = attempts.iter().map(|attempt| (attempt.number, attempt.status)).collect();
    assert_eq!(seen, (1..=10).rev().map(|number| (number, Some(500))).collect::<Vec<_>>());
    let ids: std::collections::HashSet<String> =
        receiver.received().iter().map(|request| request.id().to_owned()).collect();
    assert_eq!((ids.len(), receiver.received().len()), (1, 10), "always the same id");

    receiver.answer(OK);
    let enable = SwitchWebhookEndpoint { endpoint, enabled: true };
    let enabled = town.house.switch_webhook_endpoint(&town.staff(), enable).await.expect("enabled");
    assert_eq!(enabled.failing_since, None);
    let since = first_failed;
    let resend = ResendFailedWebhooks { endpoint, since };
    let resent = town.house.resend_failed_webhooks(&town.staff(), resend).await;
    assert_eq!(resent, Ok(ResentWebhooks { resent: 1 }));
    town.send_due().await;
    let [delivery] = &town.deliveries(endpoint).await[..] else { panic!("one delivery") };
    assert_eq!((delivery.state, delivery.attempts), (WebhookDeliveryState::Delivered, 11));
}

#[tokio::test]
async fn a_disabled_endpoint_keeps_what_waited_for_it() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let endpoint = town.endpoint(&receiver).await.endpoint.id;
    town.order_placed().await;
    let switch = async |enabled| {
        let request = SwitchWebhookEndpoint { endpoint, enabled };
        town.house.switch_webhook_endpoint(&town.staff(), request).await.expect("switched")
    };
    switch(false).await;
    town.clock.advance(DAY);
    town.send_due().await;
    assert_eq!(receiver.received().len(), 0);
    switch(true).await;
    town.send_due().await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_at_once() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let endpoint = town.endpoint(&receiver).await.endpoint.id;
    receiver.answer(Reply::Says("410 Gone", ""));
    town.order_placed().await;
    town.send_due().await;
    let shown = town.shown(endpoint).await;
    assert_eq!(
        (shown.state, shown.disabled_reason),
        (WebhookEndpointState::Disabled, Some(WebhookDisabledReason::Gone))
    );
    assert_eq!(town.deliveries(endpoint).await[0].state, WebhookDeliveryState::Failed);
}

#[tokio::test]
async fn an_endpoint_that_asks_for_time_gets_it() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let endpoint = town.endpoint(&receiver).await.endpoint.id;
    receiver.answer_once(Reply::Says("429 Slowly\r\nretry-after: 600", ""));
    town.order_placed().await;
    town.send_due().await;
    assert_eq!(receiver.received().len(), 1);
    // What comes meanwhile waits too.
    town.order_placed().await;
    town.clock.advance(Duration::from_secs(599));
    town.send_due().await;
    assert_eq!(receiver.received().len(), 1);
    town.clock.advance(Duration::from_secs(2));
    town.send_due().await;
    assert_eq!(receiver.received().len(), 3);
    let states: Vec<_> = town.deliveries(endpoint).await.iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [WebhookDeliveryState::Delivered; 2]);
}

#[tokio::test]
async fn a_success_ends_the_failing() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let endpoint = town.endpoint(&receiver).await.endpoint.id;
    receiver.answer_once(Reply::Says("404 Not Found", ""));
    town.order_placed().await;
    let began = town.env.now();
    town.send_due().await;
    assert_eq!(town.shown(endpoint).await.failing_since, Some(began));
    town.clock.advance(Duration::from_secs(6));
    town.send_due().await;
    let shown = town.shown(endpoint).await;
    assert_eq!((shown.failing_since, shown.version), (None, 3));
}

#[tokio::test]
async fn after_a_rotation_both_secrets_sign_until_the_old_one_has_had_its_day() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let old = town.endpoint(&receiver).await;
    let endpoint = WebhookEndpointRef { endpoint: old.endpoint.id };
    let new = town.house.rotate_webhook_secret(&town.staff(), endpoint).await.expect("rotated");
    assert_eq!(new.endpoint.old_secret_until, Some(town.env.now().plus(DAY)));
    town.order_placed().await;
    town.send_due().await;
    town.clock.advance(DAY);
    town.order_placed().await;
    town.send_due().await;
    let [both, alone] = &receiver.received()[..] else { panic!("two requests") };
    assert_eq!(
        (both.signed_by(&new.secret), both.signed_by(&old.secret)),
        (vec![true, false], vec![false, true])
    );
    assert_eq!((alone.signed_by(&new.secret), alone.signed_by(&old.secret)), (vec![true], vec![false]));
}

#[tokio::test]
async fn a_test_arrives_whatever_was_asked_for() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let made = town.endpoint_for(&receiver, &["user.deleted"]).await;
    let endpoint = WebhookEndpointRef { endpoint: made.endpoint.id };
    let tested = town.house.test_webhook_endpoint(&town.staff(), endpoint).await.expect("made");
    assert_eq!((tested.state, tested.kind.as_str()), (WebhookDeliveryState::Pending, WEBHOOK_TEST));
    town.send_due().await;
    let [request] = &receiver.received()[..] else { panic!("one request") };
    assert_eq!((request.id(), request.signed_by(&made.secret)), (tested.event.as_str(), vec![true]));
}

#[tokio::test]
async fn a_delivery_is_sent_again_under_its_id() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let endpoint = town.endpoint(&receiver).await.endpoint.id;
    town.order_placed().await;
    town.send_due().await;
    let delivery = town.deliveries(endpoint).await[0].id;
    let again = WebhookDeliveryRef { endpoint, delivery };
    let resent = town.house.resend_webhook(&town.staff(), again).await.expect("resent");
    assert_eq!((resent.state, resent.attempts), (WebhookDeliveryState::Pending, 1));
    town.send_due().await;
    let received = receiver.received();
    assert_eq!((received.len(), received[0].id()), (2, received[1].id()));
    assert_eq!((&received[0].body, town.deliveries(endpoint).await[0].attempts), (&received[1].body, 2));
    let elsewhere = WebhookDeliveryRef { endpoint: town.endpoint(&receiver).await.endpoint.id, delivery };
    let unknown = town.house.resend_webhook(&town.staff(), elsewhere).await;
    assert_eq!(unknown, Err(Error::UnknownWebhookDelivery {}));
}

#[tokio::test]
async fn deliveries_are_found_by_state_and_type() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let endpoint = town.endpoint(&receiver).await.endpoint.id;
    town.order_placed().await;
    town.send_due().await;
    receiver.answer(Reply::Says("500 Oops", ""));
    let user: UserId = town.env.id();
    town.hear(&[town.event("user.deleted", user, 1, serde_json::json!({"role": "customer"}))]).await;
    town.send_due().await;
    let list = async |state, kind: Option<&str>| {
        let kind = kind.map(str::to_owned);
        let request = ListWebhookDeliveries { endpoint, page: PageRequest::default(), state, kind };
        let page = town.house.list_webhook_deliveries(&town.staff(), request).await.expect("listed");
        page.items.into_iter().map(|delivery| delivery.kind).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None).await, ["user.deleted", "order.placed"]);
    assert_eq!(list(Some(WebhookDeliveryState::Pending), None).await, ["user.deleted"]);
    assert_eq!(list(Some(WebhookDeliveryState::Delivered), None).await, ["order.placed"]);
    assert_eq!(list(Some(WebhookDeliveryState::Failed), None).await, [""; 0]);
    assert_eq!(list(None, Some("order.placed")).await, ["order.placed"]);
    assert_eq!(list(Some(WebhookDeliveryState::Pending), Some("order.placed")).await, [""; 0]);
    assert_eq!(list(None, Some("a\0b")).await, [""; 0]);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_nobody_follows_it() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let endpoint = town.endpoint(&receiver).await.endpoint.id;
    receiver.answer(Reply::Says("302 Found\r\nlocation: /elsewhere", ""));
    town.order_placed().await;
    town.send_due().await;
    assert_eq!(receiver.received().len(), 1);
    let delivery = &town.deliveries(endpoint).await[0];
    assert_eq!(delivery.state, WebhookDeliveryState::Pending);
    assert_eq!(town.log(delivery).await.attempts[0].status, Some(302));
}

#[tokio::test]
async fn a_name_that_stands_for_this_machine_is_not_reached() {
    let receiver = Receiver::start().await;
    let ports = vec![receiver.address.port()];
    let town = town_with(WebhookOptions { allow_http: true, ports, ..WebhookOptions::default() }).await;
    // That `localhost` is this machine is not known before it is asked for.
    let url = format!("http://localhost:{}/hooks", receiver.address.port());
    let new = shoal_contract::notifications::NewWebhookEndpoint {
        url,
        description: None,
        events: vec!["*".into()],
    };
    let endpoint = town.house.create_webhook_endpoint(&town.staff(), new).await.expect("made").endpoint.id;
    town.order_placed().await;
    town.send_due().await;
    assert_eq!(receiver.received().len(), 0);
    let attempts = town.log(&town.deliveries(endpoint).await[0]).await.attempts;
    assert_eq!((attempts[0].error, attempts[0].status), (Some(WebhookError::ForbiddenAddress), None));
}

#[tokio::test]
async fn what_became_of_a_delivery_is_known_for_a_while() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let endpoint = town.endpoint(&receiver).await.endpoint.id;
    town.order_placed().await;
    town.send_due().await;
    town.clock.advance(29 * DAY);
    town.order_placed().await;
    town.house.sweep().await.expect("swept");
    assert_eq!(town.deliveries(endpoint).await.len(), 2);
    town.clock.advance(2 * DAY);
    town.house.sweep().await.expect("swept");
    let [left] = &town.deliveries(endpoint).await[..] else { panic!("one is left") };
    assert_eq!(left.state, WebhookDeliveryState::Pending);
    let attempts: Vec<i64> = town.list(sql::ATTEMPTS).await;
    assert_eq!(attempts, [0]);
    assert!(left.created_at > Timestamp::default());
}

shoal_sql::statements! {
    mod sql {
        ATTEMPTS = "select count(*) from webhook_attempts";
    }
}

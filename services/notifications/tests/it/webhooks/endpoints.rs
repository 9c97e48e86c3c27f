use shoal_contract::notifications::{
    Error, ListWebhookEndpoints, NewWebhookEndpoint, Notifications as _, SwitchWebhookEndpoint,
    UpdateWebhookEndpoint, WebhookDisabledReason, WebhookEndpointChange, WebhookEndpointRef,
    WebhookEndpointState,
};
use shoal_notifications::{WEBHOOK_STATEMENTS, WebhookOptions};
use shoal_types::{Caller, Context, Fact as _, Fault, Idempotency, Limit, PageRequest, Role, User};

use super::{at_home, town, town_with};
use crate::receiver::Receiver;
use crate::town::Town;

fn new(url: &str) -> NewWebhookEndpoint {
    NewWebhookEndpoint { url: url.to_owned(), description: None, events: vec!["*".into()] }
}

fn keyed(cx: &Context, key: &str) -> Context {
    let idempotency = Idempotency { key: key.into(), fingerprint: [1; 32] };
    Context { idempotency: Some(idempotency), ..cx.clone() }
}

async fn refused(town: &Town, url: &str) -> Vec<String> {
    let refused = town.house.create_webhook_endpoint(&town.staff(), new(url)).await.expect_err("refused");
    refused.violations().iter().map(|violation| format!("{} {}", violation.field, violation.rule)).collect()
}

#[tokio::test]
async fn every_statement_is_valid() {
    town().await.house.database().check(WEBHOOK_STATEMENTS).await.expect("valid");
}

#[tokio::test]
async fn a_secret_is_shown_when_it_is_made_and_never_again() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let made = town.endpoint(&receiver).await;
    let secret = made.secret.expose();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    let shown = [
        serde_json::to_string(&town.shown(made.endpoint.id).await).expect("JSON"),
        serde_json::to_string(
            &town
                .house
                .list_webhook_endpoints(&town.staff(), ListWebhookEndpoints::default())
                .await
                .expect("listed"),
        )
        .expect("JSON"),
        format!("{made:?}"),
    ];
    assert!(
        shown.iter().all(|text| !text.contains("whsec_") && text.contains("webhook_endpoint_")),
        "{shown:?}"
    );
    assert_ne!(town.endpoint(&receiver).await.secret, made.secret);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_no_other_secret() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let staff = town.staff();
    let create =
        async |key| town.house.create_webhook_endpoint(&keyed(&staff, key), new(&receiver.url())).await;
    let first = create("a").await.expect("made");
    assert_eq!(create("a").await, Ok(first.clone()));
    assert_ne!(create("b").await.expect("made").endpoint.id, first.endpoint.id);
    let endpoint = WebhookEndpointRef { endpoint: first.endpoint.id };
    let rotate = async |key| town.house.rotate_webhook_secret(&keyed(&staff, key), endpoint).await;
    let second = rotate("c").await.expect("rotated");
    assert_eq!(rotate("c").await, Ok(second.clone()));
    assert_ne!(second.secret, first.secret);
    // The first is the old one by now, which still signs; after another rotation nobody has it.
    assert_eq!(create("a").await.map(|made| made.secret), Ok(first.secret));
    rotate("d").await.expect("rotated");
    assert_eq!(create("a").await, Err(Error::WebhookSecretReplaced {}));
    // What is kept for repeats holds no secret.
    let kept: Vec<String> = town.list(sql::ANSWERS).await;
    assert!(!kept.is_empty() && kept.iter().all(|answer| !answer.contains("whsec_")), "{kept:?}");
}

shoal_sql::statements! {
    mod sql {
        ANSWERS = "select answer from idempotency_keys";
    }
}

#[tokio::test]
async fn only_public_https_addresses_are_taken() {
    let town = town_with(WebhookOptions::default()).await;
    for (url, rule) in [
        ("http://example.com/", "url https"),
        ("https://127.0.0.1/", "url public_address"),
        ("https://169.254.169.254/latest/meta-data", "url public_address"),
        ("https://[::ffff:10.0.0.1]/", "url public_address"),
        ("https://0x7f000001/", "url public_address"),
        ("https://example.com:22/", "url port"),
        ("https://ann:secret@example.com/", "url credentials"),
        ("https://example.com/#here", "url fragment"),
        ("example.com", "url url"),
        ("file:///etc/passwd", "url url"),
    ] {
        assert_eq!(refused(&town, url).await, [rule], "{url}");
    }
    let made = town.house.create_webhook_endpoint(&town.staff(), new("https://Example.com/a?b=c")).await;
    assert_eq!(made.expect("made").endpoint.url, "https://example.com/a?b=c");
}

#[tokio::test]
async fn an_endpoint_changes_at_its_version_only() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let endpoint = town.endpoint(&receiver).await.endpoint;
    let change = |expected_version, events: &[&str]| {
        let events = Some(events.iter().map(|event| (*event).to_owned()).collect());
        let change = WebhookEndpointChange { events, ..WebhookEndpointChange::default() };
        UpdateWebhookEndpoint { endpoint: endpoint.id, expected_version, change }
    };
    let staff = town.staff();
    let changed =
        town.house.update_webhook_endpoint(&staff, change(Some(1), &["order.*"])).await.expect("changed");
    assert_eq!((changed.version, changed.events), (2, vec!["order.*".to_owned()]));
    let stale = town.house.update_webhook_endpoint(&staff, change(Some(1), &["user.*"])).await;
    assert_eq!(stale, Err(Error::WebhookEndpointChanged { version: 2 }));
    let unknown =
        town.house.update_webhook_endpoint(&staff, change(None, &["fish.*"])).await.expect_err("refused");
    assert_eq!(unknown.violations()[0].field, "events[0]");
    assert_eq!(unknown.violations()[0].rule, "event_type");
}

#[tokio::test]
async fn an_endpoint_is_disabled_and_enabled() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let endpoint = town.endpoint(&receiver).await.endpoint.id;
    let switch = async |enabled| {
        let request = SwitchWebhookEndpoint { endpoint, enabled };
        town.house.switch_webhook_endpoint(&town.staff(), request).await.expect("switched")
    };
    for _ in 0..2 {
        let disabled = switch(false).await;
        assert_eq!((disabled.state, disabled.version), (WebhookEndpointState::Disabled, 2));
        assert_eq!(disabled.disabled_reason, Some(WebhookDisabledReason::Requested));
    }
    let tested = town.house.test_webhook_endpoint(&town.staff(), WebhookEndpointRef { endpoint }).await;
    assert_eq!(tested, Err(Error::WebhookEndpointDisabled {}));
    // What happens meanwhile is not kept for it.
    town.order_placed().await;
    assert_eq!(town.deliveries(endpoint).await, []);
    let enabled = switch(true).await;
    assert_eq!((enabled.state, enabled.disabled_reason), (WebhookEndpointState::Enabled, None));
}

#[tokio::test]
async fn there_are_never_too_many() {
    let receiver = Receiver::start().await;
    let town = town_with(WebhookOptions { endpoints_max: 3, ..at_home() }).await;
    let staff = town.staff();
    let create = || town.house.create_webhook_endpoint(&staff, new(&receiver.url()));
    let made = futures::future::join_all((0..8).map(|_| create())).await;
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 3);
    assert!(refused.into_iter().all(|refused| refused == Err(Error::TooManyWebhookEndpoints { limit: 3 })));
    let endpoint = made.into_iter().next().expect("one").expect("made").endpoint.id;
    let remove = || town.house.delete_webhook_endpoint(&staff, WebhookEndpointRef { endpoint });
    assert_eq!(remove().await, Ok(()));
    assert_eq!(remove().await, Err(Error::UnknownWebhookEndpoint {}));
    assert!(create().await.is_ok());
}

#[tokio::test]
async fn pages_show_every_endpoint_once_oldest_first() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let mut expected = Vec::new();
    for _ in 0..5 {
        town.clock.advance(std::time::Duration::from_millis(1));
        expected.push(town.endpoint(&receiver).await.endpoint);
    }
    let mut page = PageRequest { limit: Limit::new(2).expect("in range"), cursor: None };
    let mut seen = Vec::new();
    loop {
        let request = ListWebhookEndpoints { page: page.clone() };
        let answer = town.house.list_webhook_endpoints(&town.staff(), request).await.expect("a page");
        seen.extend(answer.items);
        let Some(next) = answer.next else { break };
        page.cursor = Some(next);
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn webhooks_are_for_staff() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let endpoint = WebhookEndpointRef { endpoint: town.endpoint(&receiver).await.endpoint.id };
    let customer = Caller::User { id: town.env.id::<User>(), role: Role::Customer };
    for (caller, fault) in [(Caller::Anonymous, Fault::Unauthenticated {}), (customer, Fault::Forbidden {})] {
        let (cx, error) = (town.system().with_caller(caller), Error::from(fault));
        let house = &town.house;
        let made = house.create_webhook_endpoint(&cx, new(&receiver.url())).await;
        assert_eq!(made, Err(error.clone()));
        let listed = house.list_webhook_endpoints(&cx, ListWebhookEndpoints::default()).await;
        assert_eq!(listed, Err(error.clone()));
        assert_eq!(house.get_webhook_endpoint(&cx, endpoint).await, Err(error.clone()));
        assert_eq!(house.rotate_webhook_secret(&cx, endpoint).await, Err(error.clone()));
        assert_eq!(house.test_webhook_endpoint(&cx, endpoint).await, Err(error.clone()));
        assert_eq!(house.delete_webhook_endpoint(&cx, endpoint).await, Err(error));
    }
}

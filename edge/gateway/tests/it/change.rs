use serde_json::{Value, json};
use shoal_contract::checkout::{self, Checkout, CheckoutStatus, Failure, PlaceOrder};
use shoal_contract::products::{self, Stock};
use shoal_contract::users::{self, UpdateUser};
use shoal_gateway::Options;
use shoal_types::Fault;

use crate::shop::{Shop, env, id, user};

fn stockroom() -> Shop {
    Shop::new().on("products", "adjust_stock", |_, asked: products::AdjustStock| {
        Ok::<_, products::Error>(Stock {
            variant: id(9),
            sku: asked.sku,
            on_hand: 5,
            reserved: 0,
            available: 5,
        })
    })
}

fn receive(pieces: i64) -> Value {
    json!({"change": {"receive": pieces}})
}

#[tokio::test]
async fn a_key_and_what_it_came_with_reach_the_service() {
    let api = stockroom().open();
    let line = "POST /v1/stock/MUG%2C1/adjustments";
    let keyed = [("authorization", "Bearer bob"), ("idempotency-key", "k1")];
    assert_eq!(api.send(line, &keyed, receive(5)).await.json()["sku"], "MUG,1");
    api.send(line, &keyed, receive(5)).await;
    api.send(line, &keyed, receive(6)).await;
    api.send(line, &keyed[..1], receive(5)).await;
    let keys: Vec<_> = api.asked().into_iter().map(|cx| cx.idempotency).collect();
    assert_eq!(keys[0].as_ref().map(|sent| &*sent.key), Some("k1"));
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[0], keys[2]);
    assert_eq!(keys[3], None);
}

#[tokio::test]
async fn a_key_that_is_no_key_is_refused_before_anything_happens() {
    let api = stockroom().open();
    let headers = [("authorization", "Bearer bob"), ("idempotency-key", "two words")];
    let answer = api.send("POST /v1/stock/MUG/adjustments", &headers, receive(5)).await;
    assert_eq!(answer.says(), "400 idempotency_key_invalid");
    assert!(api.asked().is_empty());
}

#[tokio::test]
async fn unknown_fields_are_named() {
    let api = stockroom().open();
    let body = json!({"change": {"receive": 5}, "reson": "found"});
    let answer = api.send("POST /v1/stock/MUG/adjustments", &[], body).await;
    assert_eq!(answer.says(), "422 invalid_request");
    assert_eq!(answer.json()["violations"][0]["field"], "reson");
}

#[tokio::test]
async fn unknown_fields_are_named_within_alternatives_too() {
    let api = Shop::new().open();
    let zones = |rate: Value| {
        let method = json!({"code": "post", "title": "Post", "currency": "EUR", "rate": rate});
        json!({"shipping_zones": [{"zone": "Home", "countries": ["DE"], "methods": [method]}]})
    };
    for rate in [
        json!({"kind": "flat", "amount": 490, "reduced": 1}),
        json!({"kind": "by_weight", "bands": [{"up_to_g": 1000, "amount": 490, "reduced": 1}]}),
    ] {
        let answer = api.send("PUT /v1/settings/shipping-zones", &[], zones(rate)).await;
        assert_eq!(answer.says(), "422 invalid_request");
        assert_eq!(answer.json()["violations"][0]["rule"], "unknown_field");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_send_every_header() {
    let mut options = Options::new(env());
    options.http.cors_origins = vec!["https://shop.example".to_owned().try_into().expect("an origin")];
    let asks = [("origin", "https://shop.example"), ("access-control-request-method", "GET")];
    let allowed = Shop::new().open_with(options).send("OPTIONS /v1/orders", &asks, Value::Null).await;
    let headers = allowed.header("access-control-allow-headers").expect("headers");
    for header in ["authorization", "order-token", "idempotency-key", "if-match"] {
        assert!(headers.contains(header), "{headers}");
    }
}

#[tokio::test]
async fn a_change_expects_the_version_it_was_based_on() {
    let api = Shop::new()
        .on("users", "update_user", |_, asked: UpdateUser| match asked.expected_version {
            Some(3) | None => Ok(user(1)),
            Some(_) => Err(users::Error::UserChanged { version: 3 }),
        })
        .open();
    let update = async |tag: &[(&str, &str)]| {
        let headers = [&[("authorization", "Bearer ada")], tag].concat();
        api.send("PATCH /v1/me", &headers, json!({"name": "Ada"})).await
    };
    let changed = update(&[("if-match", "\"v3\"")]).await;
    assert_eq!((changed.says().as_str(), changed.header("etag")), ("200", Some("\"v3\"")));
    assert_eq!(update(&[("if-match", "\"v2\"")]).await.says(), "412 user_changed");
    assert_eq!(update(&[("if-match", "W/\"v3\"")]).await.says(), "400 if_match_invalid");
    assert_eq!(update(&[]).await.says(), "200");
}

fn checkout(status: CheckoutStatus) -> Checkout {
    Checkout {
        id: id(4),
        status,
        order: None,
        order_token: None,
        redirect_url: None,
        failure: None,
        created_at: env().now(),
    }
}

async fn place(answer: Result<Checkout, checkout::Error>) -> crate::shop::Answer {
    let api = Shop::new()
        .on("checkout", "place", move |cx, _: PlaceOrder| match cx.idempotency {
            Some(_) => answer.clone(),
            None => Err(checkout::Error::KeyMissing {}),
        })
        .open();
    let body = json!({"payment": {"token": "tok_success"}});
    assert_eq!(api.send("POST /v1/checkouts", &[], body.clone()).await.says(), "400 idempotency_key_missing");
    api.send("POST /v1/checkouts", &[("idempotency-key", "k")], body).await
}

#[tokio::test]
async fn a_checkout_under_way_is_accepted_and_says_where_it_is() {
    let answer = place(Ok(checkout(CheckoutStatus::AwaitingPayment))).await;
    let own = format!("/v1/checkouts/{}", id::<checkout::CheckoutNoun>(4));
    assert_eq!((answer.says(), answer.header("location")), ("202".into(), Some(own.as_str())));
}

#[tokio::test]
async fn a_checkout_that_bought_nothing_is_a_problem() {
    let failure = Some(Failure { code: "payment_declined".into(), message: "no funds".into() });
    let answer = place(Ok(Checkout { failure, ..checkout(CheckoutStatus::Failed) })).await;
    assert_eq!(answer.says(), "409 checkout_failed");
    assert_eq!(answer.json()["failure"], "payment_declined");

    let too_low = products::Error::StockTooLow { sku: "MUG".into(), requested: 2, available: 1 };
    let answer = place(Err(too_low.into())).await;
    assert_eq!((answer.says().as_str(), answer.json()["available"].clone()), ("409 stock_too_low", json!(1)));
    let answer = place(Err(Fault::IdempotencyKeyReused {}.into())).await;
    assert_eq!(answer.says(), "422 idempotency_key_reused");
}

#[tokio::test]
async fn a_report_reaches_the_service_as_it_was_signed() {
    let api = Shop::new()
        .on("checkout", "notify", |_, notice: checkout::Notice| {
            assert_eq!((notice.provider.as_str(), notice.body.as_str()), ("test", "{\"a\": 1 }"));
            match notice.signature.as_deref() {
                Some("v1,good") => Ok(()),
                _ => Err(checkout::Error::BadSignature {}),
            }
        })
        .open();
    let line = "POST /v1/webhooks/payments/test";
    let report = "{\"a\": 1 }";
    assert_eq!(api.send_text(line, &[("webhook-signature", "v1,good")], report).await.says(), "204");
    assert_eq!(api.send_text(line, &[], report).await.says(), "401 bad_signature");
}

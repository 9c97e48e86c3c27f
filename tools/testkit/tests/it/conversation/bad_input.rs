//! Requests that are none.

use http::Method;
use serde_json::json;

use super::Talk;

pub(super) async fn tell(talk: &mut Talk<'_>) {
    let (guest, staff) = (talk.guest.clone(), talk.staff.clone());
    let post = |path: &str, body: &str| staff.request(Method::POST, path).key("spoilt").body(body.to_owned());
    for path in ["/v1/users", "/v1/products", "/v1/carts", "/v1/checkouts", "/v1/stock/MAST/adjustments"] {
        for none in ["", r#"{"title": "Mu"#, "{} {}", r#"{"title": "a", "title": "b"}"#] {
            talk.refuse(post(path, none), 400, "malformed_body").await;
        }
        for other in ["[]", "7", "null", r#"{"no_such_field": 1}"#] {
            talk.refuse(post(path, other), 422, "invalid_request").await;
        }
        let plain = post(path, "{}").header("content-type", "text/plain");
        talk.refuse(plain, 415, "unsupported_media_type").await;
    }
    talk.refuse(guest.get("/v1/nothing"), 404, "route_not_found").await;
    talk.refuse(guest.delete("/v1/products"), 405, "method_not_allowed").await;
    talk.refuse(guest.get(format!("/v1/search?q={}", "x".repeat(9_000))), 414, "uri_too_long").await;
    for path in ["/v1/products/%ff", "/v1/orders/nonsense", "/v1/carts/order_01h455vb4pex5vsknk084sn02q"] {
        let answer = talk.recording.send(staff.get(path)).await;
        assert!([400, 404].contains(&answer.status) && !answer.code().is_empty(), "{path}: {answer}");
    }
    let price = |amount| json!({"title": "x", "variants": [{"sku": "X", "prices": [{"amount": amount, "currency": "EUR"}]}]});
    for amount in [json!(-1), json!(19.99), json!("19"), json!(9_223_372_036_854_775_808_u64)] {
        talk.refuse(staff.post("/v1/products", &price(amount)), 422, "invalid_request").await;
    }
    let dear = json!({"title": "Gold", "variants": [{"sku": "GOLD", "shippable": false, "stock": 1_000_000,
        "prices": [{"amount": 100_000_000_000_i64, "currency": "EUR"}]}]});
    talk.ask(staff.post("/v1/products", &dear), 201).await;
    let many = json!({"lines": [{"sku": "GOLD", "quantity": 1_000_000}]});
    let cart = talk.recording.send(guest.post("/v1/carts", &many)).await;
    assert!([201, 422].contains(&cart.status), "{cart}");
}

use serde_json::json;
use shoal_contract::{orders, products, users};
use shoal_gateway::{Options, Services, router};
use shoal_types::{Cursor, Fault, Page, Role};

use crate::shop::{Shop, env, product, user};

fn whole() -> Shop {
    Shop::new()
        .on("users", "list_users", |cx, _: users::ListUsers| {
            cx.caller.require(Role::Staff).map_err(users::Error::from)?;
            Ok::<_, users::Error>(Page { items: vec![user(1)], next: None })
        })
        .on("products", "list_products", |_, asked: products::ListProducts| {
            assert_eq!(asked.page.limit.get(), 20);
            Ok::<_, products::Error>(Page { items: vec![product("Mug")], next: Some(Cursor::after(&["5"])) })
        })
        .on("orders", "list_orders", |cx, _: orders::ListOrders| {
            cx.caller.require(Role::Customer).map_err(orders::Error::from)?;
            Ok::<_, orders::Error>(Page::<orders::Order> { items: vec![], next: None })
        })
}

#[tokio::test]
async fn the_overview_joins_the_services() {
    let page = whole().open().get_as("bob", "/v1/overview").await.json();
    assert_eq!(page["users"][0]["email"], "user1@example.com");
    assert_eq!(page["products"][0]["title"], "Mug");
    assert_eq!((&page["orders"], &page["degraded"], &page["denied"]), (&json!([]), &json!([]), &json!([])));
    assert_eq!(page["next"], json!({"products": Cursor::after(&["5"])}));
}

#[tokio::test]
async fn only_what_is_named_is_asked_for() {
    let api = whole().open();
    let page = api.get("/v1/overview?include=products").await.json();
    assert_eq!(page.as_object().map(|page| page.contains_key("users")), Some(false));
    assert_eq!(api.asked().len(), 1);
    assert_eq!(api.get("/v1/overview?include=products,carts").await.says(), "422 invalid_request");
}

#[tokio::test]
async fn what_the_caller_may_not_see_is_denied_not_degraded() {
    let page = whole().open().get("/v1/overview").await.json();
    assert_eq!((&page["degraded"], &page["denied"]), (&json!([]), &json!(["users", "orders"])));
    let page = whole().open().get_as("ada", "/v1/overview").await.json();
    assert_eq!(page["denied"], json!(["users"]));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_hangs_is_named_and_the_rest_comes() {
    let api = whole().hang("orders").open();
    let page = api.get_as("bob", "/v1/overview").await;
    assert_eq!(page.says(), "200");
    assert_eq!(page.json()["degraded"], json!(["orders"]));
    assert_eq!(page.json()["users"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_service_that_fails_is_named_and_the_rest_comes() {
    let broken = whole().on("products", "list_products", |_, _: products::ListProducts| {
        Err::<Page<u8>, _>(products::Error::from(Fault::StorageFull {}))
    });
    let page = broken.open().get_as("bob", "/v1/overview").await.json();
    assert_eq!(page["degraded"], json!(["products"]));
    assert_eq!(page["orders"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn without_the_user_service_nobody_is_told_they_are_denied() {
    let page = whole().hang("users").open().get_as("bob", "/v1/overview").await.json();
    assert_eq!((&page["degraded"], &page["denied"]), (&json!(["users", "orders"]), &json!([])));
    assert_eq!(page["products"][0]["title"], "Mug");
    assert_eq!(whole().open().get_as("expired", "/v1/overview").await.says(), "401 unauthenticated");
}

#[tokio::test]
async fn services_that_do_not_exist_are_degraded_too() {
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    let alone = router(Services::default(), Options::new(env()));
    let request = http::Request::get("/v1/overview").body(axum::body::Body::empty()).expect("a request");
    let body = alone.oneshot(request).await.expect("an answer").into_body().collect().await.expect("a body");
    let page: serde_json::Value = serde_json::from_slice(&body.to_bytes()).expect("JSON");
    assert_eq!(page, json!({"degraded": ["users", "products", "orders"], "denied": [], "next": {}}));
}

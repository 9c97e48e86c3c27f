//! Values out of range, too long, of the wrong type.

use serde_json::{Value, json};
use shoal_testkit::{Market, address, fresh_key};

use super::everything;

fn long(letters: usize) -> String {
    "x".repeat(letters)
}

fn product(change: Value) -> Value {
    let mut product =
        json!({"title": "Pot", "variants": [{"sku": "POT", "prices": [{"amount": 1, "currency": "EUR"}]}]});
    merge(&mut product, change);
    product
}

fn variant(change: Value) -> Value {
    let mut variant = json!({"sku": "POT", "prices": [{"amount": 1, "currency": "EUR"}]});
    merge(&mut variant, change);
    json!({"title": "Pot", "variants": [variant]})
}

fn price(amount: Value) -> Value {
    variant(json!({"prices": [{"amount": amount, "currency": "EUR"}]}))
}

fn merge(value: &mut Value, change: Value) {
    for (name, new) in change.as_object().into_iter().flatten() {
        value[name] = new.clone();
    }
}

fn purchase(change: Value) -> Value {
    let mut purchase = json!({"lines": [{"sku": "MUG", "quantity": 1}], "email": "ada@example.com",
        "shipping_address": address(), "shipping_method": "standard", "payment": {"token": "tok_success"}});
    merge(&mut purchase, change);
    purchase
}

fn bought(quantity: Value) -> Value {
    purchase(json!({"lines": [{"sku": "MUG", "quantity": quantity}]}))
}

/// Where, what, and the field that is to blame.
fn refused() -> Vec<(&'static str, Value, &'static str)> {
    let beyond = || json!(9_223_372_036_854_775_808_u64);
    let lines: Vec<_> = (0..501).map(|_| json!({"sku": "MUG", "quantity": 1})).collect();
    let to = |country: &str| {
        let mut address = address();
        address["country"] = country.into();
        purchase(json!({"shipping_address": address}))
    };
    vec![
        ("/v1/products", price(json!(-1)), "variants[0].prices"),
        ("/v1/products", price(json!(100_000_000_001_i64)), "variants[0].prices"),
        ("/v1/products", price(beyond()), "variants[0].prices[0].amount"),
        ("/v1/products", price(json!(19.99)), "variants[0].prices[0].amount"),
        ("/v1/products", price(json!("19")), "variants[0].prices[0].amount"),
        ("/v1/products", variant(json!({"stock": -1})), "variants[0].stock"),
        ("/v1/products", variant(json!({"stock": beyond()})), "variants[0].stock"),
        ("/v1/products", variant(json!({"weight_g": -1})), "variants[0].weight_g"),
        ("/v1/products", variant(json!({"sku": ""})), "variants[0].sku"),
        ("/v1/products", variant(json!({"sku": long(81)})), "variants[0].sku"),
        ("/v1/products", variant(json!({"prices": []})), "variants[0].prices"),
        ("/v1/products", product(json!({"title": long(301)})), "title"),
        ("/v1/products", product(json!({"title": "  "})), "title"),
        ("/v1/products", product(json!({"description": long(20_001)})), "description"),
        ("/v1/products", product(json!({"slug": "No Slug"})), "slug"),
        ("/v1/products", product(json!({"status": "sold"})), "status"),
        ("/v1/products", product(json!({"variants": []})), "variants"),
        ("/v1/products", product(json!({"colour": "red"})), "colour"),
        ("/v1/stock/MUG/adjustments", json!({"change": {"receive": 0}}), ""),
        ("/v1/stock/MUG/adjustments", json!({"change": {"receive": 1_000_000_001}}), ""),
        ("/v1/stock/MUG/adjustments", json!({"change": {"steal": 1}}), "change"),
        ("/v1/carts", json!({"lines": [{"sku": "MUG", "quantity": 0}]}), "lines[0].quantity"),
        ("/v1/carts", json!({"lines": [{"sku": "MUG", "quantity": -1}]}), "lines[0].quantity"),
        ("/v1/carts", json!({"lines": lines}), "lines"),
        ("/v1/carts", json!({"currency": "EURO"}), "currency"),
        ("/v1/carts", json!({"details": {"note": long(2_001)}}), "details.note"),
        ("/v1/carts", json!({"details": {"email": "ada"}}), "details.email"),
        ("/v1/checkouts", bought(json!(1_000_001)), "lines[0].quantity"),
        ("/v1/checkouts", bought(json!(-1)), "lines[0].quantity"),
        ("/v1/checkouts", bought(json!(1.5)), "lines[0].quantity"),
        ("/v1/checkouts", bought(beyond()), "lines[0].quantity"),
        ("/v1/checkouts", to("de"), "shipping_address.country"),
        ("/v1/checkouts", to("DEU"), "shipping_address.country"),
        ("/v1/checkouts", purchase(json!({"email": long(300)})), "email"),
        ("/v1/checkouts", purchase(json!({"payment": {"token": ""}})), "payment.token"),
        ("/v1/checkouts", purchase(json!({"payment": {"token": "4111 1111"}})), "payment.token"),
        ("/v1/checkouts", purchase(json!({"payment": {"token": long(201)}})), "payment.token"),
        ("/v1/checkouts", json!({"payment": {"token": "tok_success"}}), "cart"),
        ("/v1/users", json!({"email": "a@b", "password": long(12), "name": "A"}), "email"),
        ("/v1/users", json!({"email": "a@example.com", "password": "short", "name": "A"}), "password"),
        ("/v1/users", json!({"email": "a@example.com", "password": long(201), "name": "A"}), "password"),
        ("/v1/categories", json!({"slug": "a", "title": "A", "position": 1_000_001}), "position"),
    ]
}

#[tokio::test]
async fn a_value_that_cannot_be_is_named_with_its_path_and_changes_nothing() {
    let shop = Market::start().await;
    shop.product("mug").stock(5).create().await;
    shop.quiet().await;
    let before = everything(&shop);
    for (path, body, field) in refused() {
        let answer = shop.staff().post(path, &body).key(fresh_key()).await;
        assert_eq!(answer.problem(), (422, "invalid_request".into()), "{path} {field}: {answer}");
        let named = answer.fields();
        let blamed = named.iter().any(|name| if field.is_empty() { !name.is_empty() } else { name == field });
        assert!(blamed, "{path}: {field} is not among {named:?}: {answer}");
    }
    assert_eq!(everything(&shop), before);
}

#[tokio::test]
async fn a_query_is_read_as_strictly_as_a_body() {
    let shop = Market::start().await;
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=many",
        "limit=99999999999999999999",
        "limit=1&limit=2",
        "cursor=nonsense",
        "colour=red",
        "sort=wild",
        "price_min=-9999999999999999999",
    ] {
        let answer = shop.get(format!("/v1/products?{query}")).await;
        assert_eq!(answer.problem(), (422, "invalid_request".into()), "{query}: {answer}");
    }
    for path in [
        "/v1/users?role=king",
        "/v1/orders?placed_from=yesterday",
        "/v1/overview?include=secrets",
        "/v1/stock",
    ] {
        let answer = shop.staff().get(path).await;
        assert_eq!(answer.problem(), (422, "invalid_request".into()), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_sum_too_large_to_be_exact_is_refused() {
    let shop = Market::start().await;
    let dear: Vec<_> = (0..100)
        .map(|number| json!({"sku": format!("GOLD-{number}"), "options": {"Bar": number.to_string()},
            "prices": [{"amount": 100_000_000_000_i64, "currency": "EUR"}], "shippable": false, "stock": 1_000_000}))
        .collect();
    let values: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    let gold = json!({"title": "Gold", "options": [{"name": "Bar", "values": values}], "variants": dear});
    shop.staff().post("/v1/products", &gold).await.expect(201);
    let lines: Vec<_> =
        (0..100).map(|number| json!({"sku": format!("GOLD-{number}"), "quantity": 1_000_000})).collect();
    let cart = shop.post("/v1/carts", &json!({"lines": lines})).await;
    assert_eq!(cart.problem(), (422, "amount_too_large".into()), "{cart}");
    let body = json!({"lines": lines, "email": "ada@example.com", "payment": {"token": "tok_success"}});
    let bought = shop.post("/v1/checkouts", &body).key("k").await;
    assert_eq!(bought.problem(), (422, "amount_too_large".into()), "{bought}");
    let books = shop.audit().await;
    assert_eq!((books.orders_ever(), books.shelf("GOLD-0")), (0, (1_000_000, 0)));
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let shop = Market::start().await;
    shop.product("mug").stock(5).create().await;
    for key in ["", " ", "a b", &long(256)] {
        let answer = shop.post("/v1/checkouts", &purchase(json!({}))).key(key).await;
        assert_eq!(answer.problem(), (400, "idempotency_key_invalid".into()), "{key}: {answer}");
    }
    let answer = shop.post("/v1/checkouts", &purchase(json!({}))).key(long(255)).await;
    assert_eq!(answer.status, 201, "{answer}");
}

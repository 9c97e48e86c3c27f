//! Nobody reaches what is another's, and nobody raises their own rights. The routes come from the API's own
//! description, so that a new one cannot be forgotten here.

use serde_json::{Value, json};
use shoal_testkit::{Answer, Books, Client, Market, Route, Shop, address};

/// The parts of a path that name something of one person.
const PERSONAL: [&str; 6] = ["{user}", "{address}", "{session}", "{cart}", "{checkout}", "{order}"];

/// A valid body for a route, so that it is not its body that is refused.
fn body(path: &str) -> Value {
    let price = json!([{"amount": 1, "currency": "EUR"}]);
    match path.rsplit('/').find(|part| !part.starts_with('{')).unwrap_or_default() {
        "users" if path.contains("admin") => {
            json!({"email": "eve@example.com", "name": "Eve", "role": "customer"})
        }
        "users" | "me" => json!({"name": "Mallory"}),
        "role" => json!({"role": "administrator"}),
        "password" => json!({"current": shoal_testkit::PASSWORD, "new": "eleven-Curlews-calling"}),
        "addresses" => json!({"address": address()}),
        "products" => json!({"title": "Pot", "variants": [{"sku": "POT", "prices": price}]}),
        "categories" => json!({"slug": "pots", "title": "Pots"}),
        "adjustments" => json!({"change": {"receive": 5}}),
        "carts" => json!({"note": "mine"}),
        "lines" if path.ends_with("{sku}") => json!({"quantity": 7}),
        "lines" => json!({"sku": "MUG", "quantity": 1}),
        "fulfilments" => json!({}),
        "returns" => json!({"lines": [{"line": 1, "quantity": 1}]}),
        "refunds" => json!({"amount": {"amount": 1, "currency": "EUR"}}),
        "notes" => json!({"message": "seen"}),
        "cancel" | "merge" | "recount" | "resume" | "rotate" => json!({}),
        "tax-rates" => json!({"tax_rates": []}),
        "shipping-zones" => json!({"shipping_zones": []}),
        other => panic!("{path}: a body for {other} is missing here"),
    }
}

/// What one person has in the shop, by the names of the routes' parameters.
struct World {
    of: [(&'static str, String); 7],
}

impl World {
    /// A cart being filled, an order, an address.
    async fn of(shop: &Market, who: &Client) -> Self {
        let mug = shop.get("/v1/products?limit=1").await.text("/products/0/variants/0/sku");
        let line = json!({"lines": [{"sku": mug, "quantity": 1}]});
        let user = who.get("/v1/me").await.expect(200).text("/id");
        let saved = who.post(format!("/v1/users/{user}/addresses"), &json!({"address": address()})).await;
        let details =
            json!({"email": "ada@example.com", "shipping_address": address(), "shipping_method": "standard"});
        let bought = json!({"lines": [{"sku": mug, "quantity": 1}], "email": "ada@example.com",
            "shipping_address": address(), "shipping_method": "standard", "payment": {"token": "tok_success"}});
        let checkout = who.post("/v1/checkouts", &bought).key(format!("world-of-{user}")).await.expect(201);
        let cart = who.post("/v1/carts", &line).await.expect(201).text("/id");
        who.patch(format!("/v1/carts/{cart}"), &details).await.expect(200);
        let of = [
            ("{user}", user),
            ("{address}", saved.expect(201).text("/id")),
            ("{session}", who.get("/v1/sessions").await.text("/sessions/0/id")),
            ("{cart}", cart),
            ("{checkout}", checkout.text("/id")),
            ("{order}", checkout.text("/order/id")),
            ("{sku}", mug),
        ];
        Self { of }
    }

    fn path(&self, route: &str) -> String {
        self.of.iter().fold(route.to_owned(), |path, (name, id)| path.replace(name, id))
    }

    fn id(&self, name: &str) -> &str {
        self.of
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, id)| id.as_str())
            .expect("a name of a parameter")
    }
}

/// What a route has to be asked with.
fn question(method: &http::Method, route: &str) -> &'static str {
    if route == "/v1/carts" && *method == http::Method::GET { "?state=abandoned" } else { "" }
}

async fn send(who: &Client, method: &http::Method, route: &str, path: String) -> Answer {
    let request = who.request(method.clone(), path);
    if *method == http::Method::GET || *method == http::Method::DELETE {
        return request.await;
    }
    request.json(&body(route)).await
}

/// All data but what was only said: sessions and answers kept for keys change by being used.
fn everything(shop: &Market) -> Vec<String> {
    Books::open(shop.data()).contents(&["sessions", "idempotency_keys"])
}

#[tokio::test]
async fn no_id_of_another_customer_works_anywhere() {
    let shop = Market::start().await;
    shop.product("mug").stock(100).create().await;
    let (ada, mallory) = (shop.customer("ada").await, shop.customer("mallory").await);
    let world = World::of(&shop, &ada).await;
    World::of(&shop, &mallory).await;
    shop.quiet().await;
    let before = everything(&shop);
    let mut tried = 0;
    for Route { method, path: route, .. } in Route::all(&shop).await {
        if !PERSONAL.iter().any(|part| route.contains(part)) {
            continue;
        }
        for (who, name) in
            [(&mallory, "another customer"), (&shop, "a guest")].map(|(who, name)| (who as &Client, name))
        {
            let answer = send(who, &method, &route, world.path(&route)).await;
            // Removing what one does not have changes nothing and may say so.
            let vain = method == http::Method::DELETE && answer.status == 204;
            assert!(vain || [401, 403, 404].contains(&answer.status), "{name}: {method} {route}: {answer}");
            assert!(vain || !answer.code().is_empty(), "{name}: {method} {route} answers without a problem");
            tried += 1;
        }
    }
    assert!(tried >= 50, "only {tried} tries");
    assert_eq!(everything(&shop), before, "something of Ada's was changed");
    ada.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn an_id_of_another_customer_below_ones_own_does_not_work_either() {
    let shop = Market::start().await;
    shop.product("mug").stock(100).create().await;
    let (ada, mallory) = (shop.customer("ada").await, shop.customer("mallory").await);
    let (hers, own) = (World::of(&shop, &ada).await, World::of(&shop, &mallory).await);
    let path = format!("/v1/users/{}/addresses/{}", own.id("{user}"), hers.id("{address}"));
    let answer = mallory.put(&path, &json!({"address": address()})).await;
    assert_eq!(answer.problem(), (404, "unknown_address".into()), "{answer}");
    mallory.delete(&path).await;
    let kept = ada.get(format!("/v1/users/{}/addresses", hers.id("{user}"))).await.expect(200);
    assert_eq!(kept.text("/addresses/0/id"), hers.id("{address}"));
    mallory.delete(format!("/v1/sessions/{}", hers.id("{session}"))).await;
    ada.get("/v1/me").await.expect(200);
    // Neither can a list be asked for another's.
    let listed = mallory.get(format!("/v1/orders?customer={}", hers.id("{user}"))).await;
    let orders = listed.json()["orders"].as_array().cloned().unwrap_or_default();
    assert!(orders.iter().all(|order| order["customer"] == own.id("{user}")), "{listed}");
    let bought = json!({"cart": hers.id("{cart}"), "payment": {"token": "tok_success"}});
    for who in [&mallory, &*shop] {
        let answer = who.post("/v1/checkouts", &bought).key("steal").await;
        assert_eq!(answer.problem(), (404, "unknown_cart".into()), "{answer}");
    }
    assert_eq!(ada.get(format!("/v1/carts/{}", hers.id("{cart}"))).await.text("/status"), "open");
}

#[tokio::test]
async fn a_guests_order_is_seen_by_who_holds_its_token_and_nobody_else() {
    let shop = Market::start().await;
    let mug = shop.product("mug").stock(100).create().await;
    let mallory = shop.customer("mallory").await;
    let bought = shop.checkout(&mug, 1).await.expect(201);
    let (order, token) = (bought.text("/order/id"), bought.text("/order_token"));
    let other = shop.checkout(&mug, 1).await.expect(201).text("/order_token");
    for path in [format!("/v1/orders/{order}"), format!("/v1/orders/{order}/timeline")] {
        shop.get(&path).header("order-token", &token).await.expect(200);
        shop.staff().get(&path).await.expect(200);
        for who in [&mallory, &*shop] {
            assert_eq!(who.get(&path).await.problem(), (404, "unknown_order".into()), "{path}");
            let wrong = who.get(&path).header("order-token", &other).await;
            assert_eq!(wrong.problem(), (404, "unknown_order".into()), "{path}");
        }
    }
    let cancel = |token: &str| {
        shop.post(format!("/v1/orders/{order}/cancel"), &json!({})).header("order-token", token)
    };
    assert_eq!(cancel(&other).await.problem(), (404, "unknown_order".into()));
    assert_eq!(cancel(&token).await.expect(200).text("/status"), "cancelled");
    shop.audit().await;
}

/// The order and its checkout share their bits: knowing the one must not open the other.
#[tokio::test]
async fn the_id_of_a_guests_order_does_not_open_its_checkout() {
    let shop = Market::start().await;
    let mug = shop.product("mug").stock(100).create().await;
    let mallory = shop.customer("mallory").await;
    let bought = shop.checkout(&mug, 1).await.expect(201);
    let checkout = format!("/v1/checkouts/{}", bought.text("/id"));
    for who in [&mallory, &*shop] {
        assert_eq!(who.get(&checkout).await.problem(), (404, "unknown_checkout".into()));
        let resumed = who.post(format!("{checkout}/resume"), &json!({})).await;
        assert_eq!(resumed.problem(), (404, "unknown_checkout".into()));
    }
    let own = shop.get(&checkout).header("order-token", bought.text("/order_token")).await.expect(200);
    assert_eq!(own.at("/order/id"), bought.at("/order/id"));
}

/// What only staff may do, with the reading of what only staff may see.
#[tokio::test]
async fn a_customer_does_nothing_that_is_for_staff() {
    let shop = Market::start().await;
    shop.product("mug").stock(100).create().await;
    let category = json!({"slug": "mugs", "title": "Mugs"});
    let category = shop.staff().post("/v1/categories", &category).await.expect(201).text("/id");
    let product = shop.get("/v1/products").await.text("/products/0/id");
    let mallory = shop.customer("mallory").await;
    let own = World::of(&shop, &mallory).await;
    shop.quiet().await;
    let before = everything(&shop);
    let for_staff = |method: &http::Method, route: &str| {
        let reads = *method == http::Method::GET;
        let reading = ["/v1/users", "/v1/stock/{sku}/movements", "/v1/orders/{order}/payments", "/v1/carts"];
        let goods = ["/v1/products", "/v1/categories", "/v1/stock", "/v1/settings", "/v1/admin"];
        let care = ["/fulfilments", "/returns", "/refunds", "/notes", "/role"];
        if route.starts_with("/v1/sales") {
            true
        } else if reads {
            reading.contains(&route)
        } else {
            goods.iter().any(|part| route.starts_with(part)) || care.iter().any(|part| route.ends_with(part))
        }
    };
    let mut tried = 0;
    for Route { method, path: route, .. } in Route::all(&shop).await {
        if !for_staff(&method, &route) {
            continue;
        }
        let path = own.path(&route).replace("{product}", &product).replace("{category}", &category);
        let path = path + question(&method, &route);
        for (who, status) in [(&mallory, 403), (&*shop, 401)] {
            let answer = send(who, &method, &route, path.clone()).await;
            assert_eq!(answer.status, status, "{method} {route}: {answer}");
        }
        tried += 1;
    }
    assert!(tried >= 20, "only {tried} routes are for staff");
    assert_eq!(everything(&shop), before);
}

#[tokio::test]
async fn nobody_raises_their_own_rights() {
    let shop = Market::start().await;
    let mallory = shop.customer("mallory").await;
    let me = mallory.get("/v1/me").await.text("/id");
    let account = json!({"email": "eve@example.com", "password": shoal_testkit::PASSWORD, "name": "Eve",
        "role": "administrator"});
    let refused = shop.post("/v1/users", &account).await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["role".to_owned()]), "{refused}");
    for change in [json!({"role": "administrator"}), json!({"id": me, "name": "x"})] {
        assert_eq!(mallory.patch("/v1/me", &change).await.status, 422, "{change}");
    }
    assert_eq!(mallory.patch("/v1/me", &json!({"tags": ["vip"]})).await.status, 403);
    let role = json!({"role": "staff"});
    assert_eq!(mallory.put(format!("/v1/users/{me}/role"), &role).await.status, 403);
    // Staff may not make themselves administrators either.
    shop.staff().put(format!("/v1/users/{me}/role"), &role).await.expect(200);
    let clerk = shop.log_in("mallory@example.com", shoal_testkit::PASSWORD).await;
    clerk.get("/v1/users").await.expect(200);
    let higher = json!({"role": "administrator"});
    assert_eq!(clerk.put(format!("/v1/users/{me}/role"), &higher).await.status, 403);
    let deputy = json!({"email": "eve@example.com", "name": "Eve", "role": "administrator"});
    assert_eq!(clerk.post("/v1/admin/users", &deputy).await.status, 403);
    assert_eq!(clerk.get("/v1/me").await.text("/role"), "staff");
}

#[tokio::test]
async fn a_token_that_ended_opens_nothing() {
    let shop = Shop::start().await;
    let ada = shop.customer("ada").await;
    let refused = (401, "unauthenticated".to_owned());
    let rotated = ada.post("/v1/sessions/rotate", &json!({})).await.expect(200).text("/token");
    assert_eq!(ada.get("/v1/me").await.problem(), refused, "rotated away");
    let ada = shop.with_token(rotated);
    ada.get("/v1/me").await.expect(200);
    ada.delete("/v1/sessions/current").await.expect(204);
    assert_eq!(ada.get("/v1/me").await.problem(), refused, "logged out");
    let ada = shop.log_in("ada@example.com", shoal_testkit::PASSWORD).await;
    shop.advance(std::time::Duration::from_secs(25 * 60 * 60));
    assert_eq!(ada.get("/v1/me").await.problem(), refused, "expired");
    // Also where nobody needs to be logged in, so that a client notices.
    assert_eq!(ada.get("/v1/products").await.problem(), refused, "expired, on a public page");
    for nonsense in ["x", "0", &"a".repeat(4_000)] {
        assert_eq!(shop.with_token(nonsense).get("/v1/me").await.problem(), refused, "{nonsense}");
    }
}

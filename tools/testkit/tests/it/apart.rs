//! The plainest form: services started apart, each a process of its own, joined by a gateway.

use std::time::Duration;

use serde_json::{Value, json};
use shoal_sql::testing::Place;
use shoal_testkit::{Books, Client, Process, eventually, free_address, place, run};
use tempfile::TempDir;

const ADMINISTRATOR: &str = "admin@example.com";

/// Users, products, orders, checkout and gateway, a process each; every one serves its own part of the API too.
struct Apart {
    users: Process,
    products: Process,
    orders: Process,
    checkout: Process,
    gateway: Process,
    password: String,
    place: Place,
    _folder: TempDir,
}

impl Apart {
    async fn start() -> Self {
        let place = place().await;
        let data = place.address();
        let (password, said, ended) = run(&["admin", "create", ADMINISTRATOR, "--data", data]);
        assert!(ended.success(), "{said}");
        let folder = tempfile::tempdir().expect("a folder can be made");
        let bundle = folder.path().join("cluster.toml").display().to_string();
        let (_, said, ended) = run(&["cluster", "init", &bundle]);
        assert!(ended.success(), "{said}");
        let seed = free_address();
        let node = async |roles: &str, listen: &str| {
            let arguments = ["--data", data, "--roles", roles, "--test-provider", "--bundle", &bundle];
            let peers = ["--peer-listen", listen, "--join", &seed];
            Process::serve(&[&arguments[..], &peers].concat()).await
        };
        Self {
            users: node("users,gateway", &seed).await,
            products: node("products,gateway", "127.0.0.1:0").await,
            orders: node("orders,gateway", "127.0.0.1:0").await,
            checkout: node("checkout,gateway", "127.0.0.1:0").await,
            gateway: node("gateway", "127.0.0.1:0").await,
            password: password.trim().to_owned(),
            place,
            _folder: folder,
        }
    }

    /// The administrator, at one of the processes.
    async fn staff(&self, at: &Process) -> Client {
        let token = self.gateway.guest().log_in(ADMINISTRATOR, &self.password).await;
        at.guest().with_token(token.token().expect("who has logged in has a token"))
    }

    fn data(&self) -> &str {
        self.place.address()
    }
}

async fn overview(staff: &Client) -> Value {
    staff.get("/v1/overview?include=users,products,orders").await.expect(200).json()
}

fn lengths(overview: &Value) -> [usize; 3] {
    ["users", "products", "orders"].map(|section| overview[section].as_array().map_or(0, Vec::len))
}

#[tokio::test]
async fn services_apart_answer_their_lists_and_one_overview() {
    let apart = Apart::start().await;
    let staff = apart.staff(&apart.gateway).await;
    let zones = json!({"shipping_zones": [{"zone": "All", "countries": ["*"], "methods": [{"code": "standard",
        "title": "Standard", "currency": "EUR", "rate": {"kind": "flat", "amount": 490}}]}]});
    staff.put("/v1/settings/shipping-zones", &zones).await.expect(200);
    let mug = staff.product("mug").stock(2).create().await;
    staff.checkout(&mug, 1).await.expect(201);

    // Each list at the process that has the service, and at the gateway.
    for (process, list) in [(&apart.users, "users"), (&apart.products, "products"), (&apart.orders, "orders")]
    {
        for at in [process, &apart.gateway] {
            let answer = apart.staff(at).await.get(format!("/v1/{list}")).await.expect(200);
            assert_eq!(answer.at(&format!("/{list}")).as_array().map(Vec::len), Some(1), "{list}: {answer}");
        }
    }
    let page = overview(&staff).await;
    assert_eq!((lengths(&page), &page["degraded"]), ([1, 1, 1], &json!([])));

    // Any process answers for all.
    let answers = async |at: &Process| {
        at.guest().get("/v1/products").await.expect(200).text("/products/0/id").to_owned()
    };
    assert_eq!(answers(&apart.users).await, answers(&apart.products).await);
    Books::settled(apart.data(), Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_service_that_died_is_named_and_the_rest_still_comes() {
    let mut apart = Apart::start().await;
    let staff = apart.staff(&apart.gateway).await;
    staff.product("mug").stock(2).create().await;
    apart.products.kill_9();
    let page = overview(&staff).await;
    assert_eq!((lengths(&page), &page["degraded"]), ([1, 0, 0], &json!(["products"])));
    assert_eq!(staff.get("/v1/products").await.problem(), (503, "unavailable".to_owned()));
    staff.get("/v1/users").await.expect(200);
    staff.get("/v1/orders").await.expect(200);

    apart.products.start().await;
    eventually("products come back", async || overview(&staff).await["degraded"] == json!([])).await;
    assert_eq!(lengths(&overview(&staff).await), [1, 1, 0]);
}

#[tokio::test]
async fn a_checkout_outlives_the_death_of_any_service_it_needs() {
    let mut apart = Apart::start().await;
    let staff = apart.staff(&apart.gateway).await;
    let zones = json!({"shipping_zones": [{"zone": "All", "countries": ["*"], "methods": [{"code": "standard",
        "title": "Standard", "currency": "EUR", "rate": {"kind": "flat", "amount": 490}}]}]});
    staff.put("/v1/settings/shipping-zones", &zones).await.expect(200);
    let mug = staff.product("mug").stock(10).create().await;
    for service in ["products", "orders", "checkout"] {
        let sent = tokio::spawn(staff.buy(&[(&mug, 1)]).key(service).card("tok_slow").send());
        let process = match service {
            "products" => &mut apart.products,
            "orders" => &mut apart.orders,
            _ => &mut apart.checkout,
        };
        // The card takes two seconds: the service dies while the payment is under way.
        let books = Books::open(apart.place.address());
        eventually("the checkout is under way", async || books.sagas_under_way() == 1).await;
        process.kill_9();
        process.start().await;
        drop(sent.await);
        eventually(service, async || {
            let again = staff.buy(&[(&mug, 1)]).key(service).card("tok_slow").send().await;
            again.is_ok_and(|answer| answer.status == 201)
        })
        .await;
    }
    let books = Books::settled(apart.data(), Duration::from_secs(5)).await;
    assert_eq!((books.orders(), books.orders_ever(), books.shelf("MUG")), (3, 3, (7, 0)));
}

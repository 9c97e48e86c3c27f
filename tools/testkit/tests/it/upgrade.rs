//! Data of earlier versions, opened by the program of today: fixtures/README.md says what is in them.

use std::path::Path;
use std::time::Duration;

use http::Method;
use rusqlite::Connection;
use serde_json::json;
use shoal_sql::testing::Place;
use shoal_sql::transfer::{House, Move, Outcome};
use shoal_sql::{Engine, Migration};
use shoal_testkit::{Answer, Books, Client, PASSWORD, Process};
use shoal_types::Env;

/// A house as a version left it: its data, and the migrations there were.
struct Left {
    name: &'static str,
    dump: &'static str,
    migrations: &'static [Migration],
}

/// What version 1 left.
fn v1() -> [Left; 5] {
    let left = |name, dump, migrations| Left { name, dump, migrations };
    [
        left("users", include_str!("../../fixtures/v1/users.sql"), &shoal_users::MIGRATIONS[..2]),
        left("products", include_str!("../../fixtures/v1/products.sql"), &shoal_products::MIGRATIONS[..3]),
        left("orders", include_str!("../../fixtures/v1/orders.sql"), &shoal_orders::MIGRATIONS[..3]),
        left("checkout", include_str!("../../fixtures/v1/checkout.sql"), &shoal_checkout::MIGRATIONS[..2]),
        left(
            "test-provider",
            include_str!("../../fixtures/v1/test-provider.sql"),
            &shoal_checkout::TEST_PROVIDER_MIGRATIONS[..1],
        ),
    ]
}

/// The keys the checkouts of version 1 were sent with.
const OF_GRACE: &str = "fixture-key-0000000000000001";
const DECLINED: &str = "fixture-key-0000000000000002";
const WAITING: &str = "fixture-key-0000000000000003";
const OF_A_GUEST: &str = "fixture-key-0000000000000004";

/// The data as files, or moved from there into a PostgreSQL database of the same version.
async fn lay_down(houses: &[Left]) -> Place {
    let files = Place::folder();
    std::fs::create_dir_all(files.address()).expect("a folder");
    for house in houses {
        let file = Path::new(files.address()).join(format!("{}.db", house.name));
        let file = Connection::open(file).expect("a file");
        file.execute_batch(house.dump).expect("the fixture is SQL");
    }
    let env = Env::system();
    let place = Place::migrated(&[], &env).await.expect("a place for the data");
    if place.engine() == Engine::Sqlite {
        return files;
    }
    let houses = houses
        .iter()
        .map(|house| House { name: house.name, migrations: house.migrations, derived: None })
        .collect();
    let plan = Move { from: files.source().clone(), to: place.source().clone(), houses, env };
    let moved = plan.run(|_| {}).await.expect("it arrives");
    assert!(matches!(moved, Outcome::Moved(tables) if tables.iter().any(|table| table.to.rows > 0)));
    place
}

/// A checkout as it was sent then, to the byte: the same key with another body would be a mistake.
async fn repeat(client: &Client, key: &str, card: &str, lines: &str) -> Answer {
    let body = format!(
        "{{\"lines\": [{lines}], \"email\": \"grace@example.com\", \"shipping_address\": {{\"name\": \"Grace Hopper\", \
         \"line1\": \"Kai 7\", \"city\": \"Hamburg\", \"postal_code\": \"20457\", \"country\": \"DE\"}}, \
         \"shipping_method\": \"standard\", \"payment\": {{\"token\": \"{card}\"}}}}"
    );
    let request = client.request(Method::POST, "/v1/checkouts").key(key);
    request.header("content-type", "application/json").body(body).send().await.expect("an answer")
}

const TWO_MUGS: &str = r#"{"sku": "MUG", "quantity": 2}"#;
const A_TOWEL: &str = r#"{"sku": "TOWEL", "quantity": 1}"#;
const A_TOWEL_AND_A_MUG: &str = r#"{"sku": "TOWEL", "quantity": 1}, {"sku": "MUG", "quantity": 1}"#;

/// What a shop of version 1 promised holds in this one.
async fn promises_are_kept(data: &str) {
    let node = Process::serve(&["--data", data, "--test-provider"]).await;
    let guest = node.guest();
    let grace = guest.log_in("grace@example.com", PASSWORD).await;

    // A key that bought then still stands for the same order.
    let first = repeat(&grace, OF_GRACE, "tok_success", TWO_MUGS).await.expect(201);
    assert_eq!(
        (first.text("/order/number"), first.text("/order/status")),
        numbered("S-ZN67-JAFZ", "partly_fulfilled")
    );
    let other = repeat(&guest, OF_A_GUEST, "tok_success", A_TOWEL_AND_A_MUG).await.expect(201);
    assert_eq!((other.text("/order/number"), other.text("/order/status")), numbered("S-7FCN-4HVM", "paid"));
    let orders = grace.get("/v1/orders").await.expect(200);
    assert_eq!(
        (orders.text("/orders/0/number"), orders.text("/orders/0/status")),
        numbered("S-ZN67-JAFZ", "partly_fulfilled")
    );
    assert_eq!(orders.number("/orders/0/returns/0/refund/amount"), 1999);

    // A card that was declined may be tried again: nothing was bought by it.
    assert_eq!(repeat(&grace, DECLINED, "tok_declined", A_TOWEL).await.status, 402);

    // The buyer who was still to confirm has had their time: what was held for them is free again.
    let late = repeat(&grace, WAITING, "tok_redirect", A_TOWEL).await;
    assert_eq!(late.problem(), (409, "payment_timed_out".to_owned()));
    let books = Books::settled(data, Duration::from_secs(10)).await;
    assert_eq!((books.orders(), books.orders_ever()), (2, 2));

    // Twenty mugs, three sold, one came back; five towels, one sold.
    assert_eq!((books.shelf("MUG"), books.shelf("TOWEL")), ((18, 0), (4, 0)));
    let cart = guest.post("/v1/carts", &json!({"lines": [{"sku": "MUG", "quantity": 1}]})).await.expect(201);
    assert_eq!(cart.text("/lines/0/title"), "Becher «Möwe» 🐟");
}

fn numbered(number: &str, status: &str) -> (String, String) {
    (number.to_owned(), status.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_of_version_1_goes_on_as_it_is() {
    let place = lay_down(&v1()).await;
    promises_are_kept(place.address()).await;
}

//! A shop moves from its directory to PostgreSQL and back. Nothing of it is lost, and it is never in two places.

mod ferry;

use std::path::Path;
use std::time::Duration;

use rusqlite::params;
use serde_json::Value;
use shoal_testkit::Books;
use shoal_types::{Rng, SeededRng};

use ferry::{Ferry, Node, Said, contents, refusal};

/// How soon after its start a node has no saga under way any more.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);
/// Rows that a move is killed amid.
const ROWS: u32 = 30_000;
/// The same seed kills after the same times.
const SEED: u64 = 20_261_122;

#[tokio::test]
async fn a_shop_moves_to_postgresql_and_back_and_is_the_same_to_the_byte() {
    let ferry = Ferry::new();
    let here = ferry.directory("here");
    let shop = ferry.shop(&here).await;
    let before = shop.answers().await;
    let (purse, mut node) = shop.close().await;
    let rows = contents(&here);

    let server = ferry.database();
    let moved = ferry.moves(&["--from", &format!("sqlite:{}", here.display()), "--to", &server, "--json"]);
    let tables: Vec<Value> = serde_json::from_str(&moved.expect(0).out).expect("it is JSON");
    assert!(tables.iter().all(|table| table["same"] == true));
    for (house, table, at_least) in [
        ("users", "users", 3),
        ("products", "stock", 3),
        ("orders", "orders", 3),
        ("checkout", "sagas", 4),
        ("test-provider", "payments", 3),
    ] {
        let row = tables.iter().find(|row| row["house"] == house && row["table"] == table);
        let count = row.and_then(|row| row["to"]["rows"].as_u64()).expect("every table is there");
        assert!(count >= at_least, "{house}.{table} has {count} rows");
    }
    assert_eq!(contents(&here), rows, "the source stays as it is");

    // An index of another shop lies where this one goes.
    let there = ferry.directory("there");
    ferry.leave_an_index_of_another_shop(&there).await;
    ferry.moves(&["--from", &server, "--to", &there.display().to_string()]).expect(0);
    assert_eq!(contents(&there), rows, "what came back is what went");
    node.serve(&there.display().to_string()).await;
    let shop = purse.opens(node);
    shop.answers_as(&before).await;
    let (purse, mut node) = shop.close().await;

    let server = ferry.database();
    ferry.moves(&["--from", &there.display().to_string(), "--to", &server]).expect(0);
    node.serve(&server).await;
    let shop = purse.opens(node);
    shop.answers_as(&before).await;
    shop.buy().await;
    shop.close().await;
    let books = Books::settled(&server, SETTLED_WITHIN).await;
    assert_eq!(books.orders_ever(), 4);
}

#[tokio::test]
async fn a_move_that_is_killed_again_and_again_arrives_whole() {
    let ferry = Ferry::new();
    let here = ferry.directory("here");
    ferry.shop(&here).await.close().await;
    stuff(&here);
    let rows = contents(&here);
    let rng: &dyn Rng = &SeededRng::new(SEED);
    let (mut from, mut kills) = (here.display().to_string(), 0);
    for to in [ferry.database(), ferry.directory("there").display().to_string()] {
        let whole = ferry.time_of_a_move(&here).await;
        // The first runs are killed before they can end; from then on each is given longer.
        for run in 1.. {
            let life = whole.mul_f64(f64::from(rng.below(1_000)) / 1_000.0).mul_f64(f64::from(run) / 4.0);
            match ferry.move_killed_after(&from, &to, life) {
                None => kills += 1,
                Some(said) => {
                    said.expect(0);
                    break;
                }
            }
        }
        from = to;
    }
    println!("killed {kills} times");
    assert!(kills >= 4, "too few kills to mean anything: {kills}");
    assert_eq!(contents(Path::new(&from)), rows);
    let mut node = Node::default();
    node.serve(&from).await;
    node.terminate().await;
}

/// Rows by the thousand, for two houses.
fn stuff(data: &Path) {
    for (number, file) in ["products.db", "orders.db"].iter().enumerate() {
        let file = rusqlite::Connection::open(data.join(file)).expect("it is a database");
        file.execute_batch("begin").expect("nobody else is there");
        for row in 0..ROWS / 2 {
            let (aggregate, event) = ([row.to_be_bytes(); 4].concat(), [(!row).to_le_bytes(); 4].concat());
            let consumer = format!("cønsumer {number}");
            let insert = "insert into inbox (aggregate, consumer, event_id, at) values (?1, ?2, ?3, ?4)";
            file.execute(insert, params![aggregate, consumer, event, i64::from(row)]).expect("it fits");
        }
        file.execute_batch("commit").expect("there is room");
    }
}

#[tokio::test]
async fn a_shop_that_is_served_is_not_moved_and_a_moved_one_is_not_served() {
    let ferry = Ferry::new();
    let here = ferry.directory("here").display().to_string();
    let server = ferry.database();
    let (_, mut node) = ferry.shop(Path::new(&here)).await.close().await;

    node.serve(&here).await;
    let refused = ferry.moves(&["--from", &here, "--to", &server]);
    refused.clone().expect(1).tells("is in use: a node or another move holds").has_page("move_in_use");
    node.terminate().await;
    ferry.moves(&["--from", &here, "--to", &server]).expect(0).tells("serve postgres://");
    refusal(&here).tells("was moved to postgres://").has_page("data_moved");
    let again = ferry.moves(&["--from", &here, "--to", &server, "--json"]).expect(0);
    assert_eq!(again.tells("had been moved").out.trim(), "[]");

    node.serve(&server).await;
    let back = ferry.directory("back").display().to_string();
    ferry
        .moves(&["--from", &server, "--to", &back])
        .expect(1)
        .tells("connected as shoal-")
        .has_page("move_in_use");
    node.terminate().await;
    ferry.moves(&["--from", &server, "--to", &back]).expect(0);
    refusal(&server).tells(&format!("was moved to {back}")).has_page("data_moved");

    let undone = ferry.moves(&["--undo", &here]).expect(0);
    assert!(undone.tells("may be served again").out.is_empty());
    node.serve(&here).await;
    node.terminate().await;
    ferry.moves(&["--undo", &here]).expect(1).has_page("move_not_begun");
}

#[tokio::test]
async fn half_a_shop_is_not_served_and_a_move_can_be_given_up() {
    let ferry = Ferry::new();
    let here = ferry.directory("here");
    let (_, mut node) = ferry.shop(&here).await.close().await;
    let spoil = |text: &str| {
        let file = rusqlite::Connection::open(here.join("orders.db")).expect("it is a database");
        file.execute("update carts set contents = ?1", [text]).expect("there are carts");
    };
    spoil("a\0b");
    let (from, server) = (here.display().to_string(), ferry.database());
    let stuck = ferry.moves(&["--from", &from, "--to", &server]).expect(1);
    stuck.tells("carts.contents holds text with the character U+0000").has_page("move_value");
    refusal(&from).tells("is on its way to postgres://").has_page("data_moving");
    refusal(&server).tells("is not complete").has_page("data_incomplete");
    ferry.moves(&["--undo", &server]).expect(1).tells("is not complete").has_page("data_incomplete");
    ferry.moves(&["--undo", &from]).expect(0);
    node.serve(&from).await;
    node.terminate().await;
    spoil("{}");
    ferry.moves(&["--from", &from, "--to", &server]).expect(0);
}

#[tokio::test]
async fn what_cannot_be_moved_is_told_with_its_page() {
    let ferry = Ferry::new();
    let here = ferry.directory("here").display().to_string();
    let other = ferry.directory("other").display().to_string();
    for directory in [&here, &other] {
        ferry.runs(&["admin", "create", "ada@example.com", "--data", directory]).expect(0);
    }
    let nowhere = ferry.directory("nowhere").display().to_string();
    let server = ferry.database();
    let absent = server.replace("/ferry_", "/absent_");
    let stranger = server.replace("shoal:", "stranger:");
    for (from, to, told, page) in [
        (&here, &other, "users has rows in", "move_not_empty"),
        (&nowhere, &server, "holds no data of a shop", "move_nothing"),
        (&server, &nowhere, "holds no data of a shop", "move_nothing"),
        (&here, &here, "cannot be moved to itself", "move_same_place"),
        (&here, &"mysql://a:hush@b/c".to_owned(), "neither postgres://", "database_url_invalid"),
        (&here, &"postgres://a:hush@b".to_owned(), "names no database", "database_url_invalid"),
        (&here, &"postgres://a:hush@127.0.0.1:1/c".to_owned(), "cannot be reached", "database_unreachable"),
        (&here, &absent, "has no database absent_", "database_missing"),
        (&here, &stranger, "refuses", "database_denied"),
    ] {
        let said = ferry.moves(&["--from", from, "--to", to]).expect(1).tells(told).has_page(page);
        assert!(!said.err.contains("hush"), "{}", said.err);
    }
    assert!(!Path::new(&nowhere).exists(), "nothing was written");
    let Said { err, .. } = ferry.runs(&["move"]).expect(2);
    assert!(err.contains("--from") && err.contains("--to"), "{err}");
    let mut node = Node::default();
    node.serve(&here).await;
    node.terminate().await;
    // The place that is not named is the one that is configured.
    ferry.moves(&["--to", &server, "--data", &here]).expect(0);
}

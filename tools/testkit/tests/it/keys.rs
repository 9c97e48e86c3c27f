//! No statement of a checkout crosses keys: each transaction touches rows of one value of the column by which their
//! tables are spread. Seen at run time, in the statements and parameters of real checkouts; docs/scale.md names the columns.

mod touched;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use shoal_sql::testing::{Step, Trace, Transaction};
use shoal_sql::{Value, params, statements};
use shoal_testkit::{Item, Mishap, Setup, Shop};

use touched::{Columns, touched};

/// Checkouts at the same time.
const SHOPPERS: usize = 12;

/// By which column each table of a house is spread, as docs/scale.md says; those that are whole everywhere left out.
fn columns(house: &str) -> Columns {
    let paper = include_str!("../../../../docs/scale.md");
    let heading = format!("### `{house}`");
    let rows = paper.lines().skip_while(|line| *line != heading).skip(1);
    let rows = rows.take_while(|line| !line.starts_with('#')).filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split('|').map(|cell| cell.trim().replace('`', "")).collect::<Vec<_>>());
    let spread = cells.filter(|cells| cells[3] != "whole");
    let columns: Columns = spread.map(|cells| (cells[1].clone(), cells[2].clone())).collect();
    assert!(!columns.is_empty(), "docs/scale.md says nothing of {house}");
    columns
}

/// A shop in which nothing happens but what a test does.
async fn shop() -> Shop {
    Shop::with(Setup { relays: false, sweep_every: Duration::from_secs(3600), ..Setup::default() }).await
}

async fn goods(shop: &Shop) -> Vec<Item> {
    let mut goods = Vec::new();
    for name in ["mug", "bowl", "plate"] {
        goods.push(shop.product(name).stock(1_000).create().await);
    }
    // The first one fills the caches.
    shop.buy(&[(&goods[0], 1)]).await.expect(201);
    goods
}

fn taken(traces: &[Trace]) -> Vec<Transaction> {
    traces.iter().flat_map(Trace::take).collect()
}

/// The keys a transaction touches, each with the statement that does.
fn keys(transaction: &Transaction) -> BTreeMap<String, &'static str> {
    let columns = columns(transaction.database);
    let mut keys = BTreeMap::new();
    for step in &transaction.steps {
        let name = step.statement.name();
        for (table, values) in touched(step, &columns) {
            let values = values.unwrap_or_else(|| panic!("{name} gives no key of {table}: {step:?}"));
            keys.extend(values.into_iter().map(|value| (value, name)));
        }
    }
    keys
}

/// A round of the stock desk serves many, first reading, then writing: each of its statements is about many rows, each
/// row about one key.
fn assert_rows_of_one_key(transaction: &Transaction) {
    let columns = columns(transaction.database);
    for step in &transaction.steps {
        for (table, values) in touched(step, &columns) {
            let name = step.statement.name();
            let values = values.unwrap_or_else(|| panic!("{name} gives no key of {table}: {step:?}"));
            assert!(values.len() <= step.rows.len().max(1), "{name} touches {values:?} of {table}: {step:?}");
        }
    }
}

/// How often each statement ran, after each transaction was found to be under one key.
fn assert_one_key_each(transactions: &[Transaction]) -> BTreeMap<&'static str, usize> {
    let mut ran = BTreeMap::new();
    for transaction in transactions {
        if transaction.database == "products" {
            assert_rows_of_one_key(transaction);
        } else {
            let keys = keys(transaction);
            let steps: Vec<_> = transaction.steps.iter().map(|step| step.statement.name()).collect();
            assert!(keys.len() <= 1, "{steps:?} of {} touch {keys:?}", transaction.database);
        }
        for step in &transaction.steps {
            *ran.entry(step.statement.name()).or_insert(0) += 1;
        }
    }
    ran
}

#[tokio::test]
async fn every_transaction_of_a_checkout_is_under_one_key() {
    let shop = shop().await;
    let goods = goods(&shop).await;
    let lines: Vec<_> = goods.iter().map(|item| (item, 2)).collect();
    let mut carts = Vec::new();
    for _ in 0..SHOPPERS {
        carts.push(shop.cart(&lines).await);
    }
    shop.quiet().await;

    let traces = shop.houses().traces();
    let without = join_all((0..SHOPPERS).map(|_| shop.buy(&lines).into_future())).await;
    let with = join_all(carts.iter().map(|cart| shop.pay(cart).into_future())).await;
    assert!(without.iter().chain(&with).all(|answer| answer.status == 201));
    shop.quiet().await;

    let ran = assert_one_key_each(&taken(&traces));
    // What makes a checkout was among it, as often as there were some.
    let twice = 2 * SHOPPERS;
    for (statement, times) in [
        ("INSERT_SAGA", twice),
        ("LOG_STAGE", 2 * twice),
        ("FINISH_SAGA", twice),
        ("INSERT_ORDER", twice),
        ("INSERT_LINES", twice),
        ("INSERT_EVENTS", 2 * twice),
        ("PAY_ORDER", twice),
        ("FREEZE_CART", SHOPPERS),
        ("ORDER_CART", SHOPPERS),
    ] {
        assert_eq!(ran.get(statement), Some(&times), "{statement} in {ran:?}");
    }
    assert!(
        ["ADD_HOLDS", "SETTLE_HOLDS", "TAKE", "SELL"].iter().all(|statement| ran.contains_key(statement))
    );
    shop.audit().await;
}

#[tokio::test]
async fn a_checkout_that_fails_is_undone_under_one_key_at_a_time() {
    let shop = shop().await;
    let goods = goods(&shop).await;
    let lines: Vec<_> = goods.iter().map(|item| (item, 1)).collect();
    let carts = [shop.cart(&lines).await, shop.cart(&[(&goods[0], 5_000)]).await];
    let traces = shop.houses().traces();
    shop.pay(&carts[0]).card("tok_declined").await.expect(402);
    shop.pay(&carts[1]).await.expect(409);
    // Late: the order is there already.
    shop.mishaps().once("provider.capture", Mishap::Declined);
    shop.pay(&carts[0]).await.expect(402);
    shop.quiet().await;
    let ran = assert_one_key_each(&taken(&traces));
    assert!(
        ["THAW_CART", "REFUSE_ORDER", "CHANGE_ORDER", "APPEND", "GIVE_BACK"]
            .iter()
            .all(|name| ran.contains_key(name)),
        "{ran:?}"
    );
    shop.audit().await;
}

statements! {
    mod sql {
        OF_ONE = "select l.line from orders as o join order_lines as l on l.order_id = o.order_id where o.order_id = $1 {lock}";
        OF_MANY = "update orders set status = d.column2 from (values {rows:uuid,text}) as d where orders.order_id = d.column1";
        IN_MANY = "select line from order_lines where line > $1 and order_id in {in}";
        ADDED = "insert into order_lines (line, order_id) values {rows:2} on conflict (order_id, line) do nothing";
        OF_ANY = "select order_id from orders where status = $1 limit 5";
        OF_SOME = "delete from orders where order_id in (select order_id from order_lines where line = $1)";
        THROUGH = "update carts set status = 'open' where cart_id = $1
            and exists (select 1 from orders where order_id = $2)";
        LOCKED = "update stock set reserved = d.pieces from (select s.variant_id as shelf, v.column2 as pieces
            from (values {rows:uuid,bigint}) as v join stock as s on s.variant_id = v.column1 {lock}) as d
            where variant_id = d.shelf";
    }
}

fn step(statement: &'static shoal_sql::Statement, fixed: &[Value], rows: &[&[Value]]) -> Step {
    Step { statement, fixed: fixed.to_vec(), rows: rows.iter().map(|row| row.to_vec()).collect() }
}

/// The keys of each table, as far as they are known.
fn seen(step: &Step) -> Vec<(String, Option<Vec<String>>)> {
    let columns = [columns("orders"), columns("products")].into_iter().flatten().collect();
    let list = |keys: BTreeSet<String>| keys.into_iter().collect();
    touched(step, &columns).into_iter().map(|(table, keys)| (table, keys.map(list))).collect()
}

#[test]
fn keys_are_found_in_conditions_rows_and_joins() {
    let some = |table: &str, keys: &[&str]| {
        (table.to_owned(), Some(keys.iter().map(|key| format!("Text({key:?})")).collect::<Vec<_>>()))
    };
    let of_one = step(sql::OF_ONE, &params!["a"], &[]);
    assert_eq!(seen(&of_one), [some("orders", &["a"]), some("order_lines", &["a"])]);
    let rows: [&[Value]; 2] = [&params!["a", "x"], &params!["b", "y"]];
    assert_eq!(seen(&step(sql::OF_MANY, &[], &rows)), [some("orders", &["a", "b"])]);
    assert_eq!(
        seen(&step(sql::IN_MANY, &params![1], &[&params!["a"], &params!["b"]])),
        [some("order_lines", &["a", "b"])]
    );
    let rows: [&[Value]; 2] = [&params![1, "a"], &params![2, "a"]];
    assert_eq!(seen(&step(sql::ADDED, &[], &rows)), [some("order_lines", &["a"])]);
    let crossing = step(sql::THROUGH, &params!["cart", "order"], &[]);
    assert_eq!(seen(&crossing), [some("carts", &["cart"]), some("orders", &["order"])]);
    let rows: [&[Value]; 1] = [&params!["a", 2]];
    assert_eq!(seen(&step(sql::LOCKED, &[], &rows)), [some("stock", &["a"]), some("stock", &["a"])]);
}

#[test]
fn a_key_that_is_not_given_is_told() {
    let none = |table: &str| (table.to_owned(), None);
    assert_eq!(seen(&step(sql::OF_ANY, &params!["paid"], &[])), [none("orders")]);
    assert_eq!(seen(&step(sql::OF_SOME, &params![1], &[])), [none("orders"), none("order_lines")]);
}

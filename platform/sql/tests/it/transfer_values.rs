//! Whatever the columns hold arrives as it was, over PostgreSQL and back.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::types::Value as Lite;
use shoal_sql::transfer::Outcome;

use crate::harbour::{Harbour, Ship, contents, file, ship, transfer};

/// Ships of a property, at most.
const SHIPS_MAX: usize = 40;

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), Just(-1), Just(0)]
}

/// Text that PostgreSQL keeps: anything but U+0000, of any script, in any normal form, long or empty.
fn text() -> impl Strategy<Value = String> {
    let any = prop::collection::vec(any::<char>().prop_filter("no U+0000", |c| *c != '\0'), 0..30);
    let long =
        (0..3_u32).prop_map(|times| "ﬁsh 🐟 e\u{301} \u{202e} ' \" \\ \n".repeat(10_usize.pow(times + 1)));
    prop_oneof![4 => any.prop_map(String::from_iter), 1 => long, 1 => Just(String::new())]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..50),
        1 => prop::collection::vec(any::<u8>(), 50_000..50_001),
        1 => Just(Vec::new()),
    ]
}

fn optional<T: Strategy>(some: T, value: fn(T::Value) -> Lite) -> impl Strategy<Value = Lite> {
    prop::option::of(some).prop_map(move |found| found.map_or(Lite::Null, value))
}

fn a_ship() -> impl Strategy<Value = Ship> {
    let id = || any::<[u8; 16]>().prop_map(Vec::from);
    let numbers = (any::<i16>(), optional(number(), Lite::Integer), "[A-Z]{3}");
    let rest = (optional(text(), Lite::Text), optional(bytes(), Lite::Blob), optional(id(), Lite::Blob));
    (id(), text(), numbers, rest).prop_map(|(id, name, (afloat, weight, flag), (order, papers, sister))| {
        let afloat = Lite::Integer(afloat.into());
        [Lite::Blob(id), Lite::Text(name), afloat, weight, Lite::Text(flag), order, papers, sister]
    })
}

/// The ships, each with an id of its own.
fn distinct(ships: Vec<Ship>) -> Vec<Ship> {
    let mut ids = HashSet::new();
    ships.into_iter().filter(|ship| ids.insert(format!("{:?}", ship[0]))).collect()
}

#[test]
fn every_value_arrives_and_comes_back() {
    let harbour = Harbour::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let cases = AtomicU32::new(0);
    let fleet = prop::collection::vec(a_ship(), 0..SHIPS_MAX).prop_map(distinct);
    let moved = TestRunner::new(Config { cases: 24, ..Config::default() }).run(&fleet, |ships| {
        let case = cases.fetch_add(1, Ordering::Relaxed);
        runtime.block_on(async {
            let here = harbour.with_ships(&format!("here-{case}"), &ships).await;
            let before = contents(&here);
            let database = harbour.database();
            let there = harbour.postgres(&database);
            assert!(matches!(transfer(&here, &there).await, Ok(Outcome::Moved(_))));
            assert_eq!(contents(&here), before, "the source stays as it is");
            let back = harbour.directory(&format!("back-{case}"));
            assert!(matches!(transfer(&there, &back).await, Ok(Outcome::Moved(_))));
            assert_eq!(contents(&back), before);
            harbour.query("postgres", &format!("drop database {database}"));
        });
        Ok(())
    });
    moved.expect("every fleet arrives");
}

#[tokio::test]
async fn a_value_that_the_target_cannot_keep_is_named_and_the_shop_stays() {
    let harbour = Harbour::new();
    let mut odd = ship(7);
    odd[1] = Lite::Text("a\0b".into());
    let here = harbour.with_ships("here", &[odd]).await;
    let there = harbour.postgres(&harbour.database());
    let refused = transfer(&here, &there).await.expect_err("it is refused").to_string();
    assert_eq!(
        refused,
        "ships.name holds text with the character U+0000, which PostgreSQL does not keep, in the row with the key \
         00000000000000000000000000000007"
    );
}

#[tokio::test]
async fn a_value_of_another_type_than_its_column_is_named() {
    let harbour = Harbour::new();
    for (set, found) in [
        ("weight = 1.5", "ships.weight holds a floating point number"),
        ("weight = 'heavy'", "ships.weight holds text"),
        ("afloat = 40000", "ships.afloat holds a number that is too large for its type"),
        ("papers = 'lost'", "ships.papers holds text"),
        ("sister = x'01'", "ships.sister holds bytes that are no id"),
        ("name = cast(x'ff' as text)", "ships.name holds text that is not UTF-8"),
    ] {
        let here = harbour.with_ships(&format!("here-{set}"), &[ship(1)]).await;
        file(&here).execute(&format!("update ships set {set}"), []).expect("SQLite takes it");
        let refused =
            transfer(&here, harbour.directory("there")).await.expect_err("it is refused").to_string();
        assert!(refused.starts_with(found), "{set}: {refused}");
        std::fs::remove_dir_all(harbour.directory("there")).expect("it was begun");
    }
}

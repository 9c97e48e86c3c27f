//! Everything out of one shop and into another.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use shoal_sql::testing::Place;
use shoal_types::Env;

use crate::command_line::{shoal, stderr};

/// In the order in which an empty shop takes them in.
const KINDS: [&str; 4] = ["categories", "products", "users", "orders"];
/// More than a page of each.
const DOCUMENTS: usize = 120;

/// Document `number` of a kind, with every field that it can have.
fn document(kind: &str, number: usize) -> Value {
    let address = json!({"name": "Ada; Byron", "line1": "1, \"Main\" Street", "city": "Köln", "country": "DE",
        "postal_code": "01234", "phone": "+49 1"});
    let money = |amount: usize| json!({"amount": amount, "currency": "EUR"});
    match kind {
        "categories" if number == 0 => json!({"slug": "all", "title": "All; of it", "position": -2}),
        "categories" => {
            json!({"slug": format!("part-{number}"), "title": "Part", "parent": "all", "position": number})
        }
        "products" => json!({
            "slug": format!("mug-{number}"), "title": format!("Mug {number}, \"big\""), "description": "Two\n\tlines",
            "brand": "Ölberg", "category": "part-1", "status": "archived", "tax_category": "reduced",
            "options": [{"name": "Size", "values": ["L", "S"]}],
            "images": [{"url": "/media/a.svg", "alt": "a mug\nwith a handle"}],
            "attributes": {"a;b": "1,\n2"},
            "variants": (["L", "S"].map(|size| json!({
                "sku": format!("M-{number}-{size}"), "options": {"Size": size}, "weight_g": 340,
                "prices": [money(1999), {"amount": 2500, "currency": "JPY"}],
                "image": "/media/a.svg", "shippable": false, "stock": number,
            }))),
        }),
        "users" => json!({
            "email": format!("ada{number}@example.com"), "name": "Ada \"Countess\" Byron", "role": "staff",
            "phone": "+44 1", "accepts_marketing": true, "tags": ["a;b", "c"], "addresses": [address],
        }),
        _ => json!({
            "source": "old-shop", "number": format!("00{number}"), "status": "fulfilled", "email": "ada1@example.com",
            "placed_at": "2010-12-01T08:26:00.000123Z", "shipping": money(490), "shipping_address": address,
            "note": "two\nlines", "tracking": "T 1",
            "lines": [{"sku": "M-1-L", "title": "Mug, L", "quantity": 6, "unit_price": money(255),
                "subtotal": money(1530), "discounts": [{"kind": "coupon", "amount": money(100)}]}],
        }),
    }
}

/// An empty place on the engine under test.
async fn place() -> Place {
    let houses = [
        ("users", shoal_users::MIGRATIONS),
        ("products", shoal_products::MIGRATIONS),
        ("orders", shoal_orders::MIGRATIONS),
        ("checkout", shoal_checkout::MIGRATIONS),
        ("notifications", shoal_notifications::MIGRATIONS),
    ];
    Place::migrated(&houses, &Env::system()).await.expect("a place for the data")
}

fn done(arguments: &[&str]) -> String {
    let output = shoal(&[arguments, &["--log", "error"]].concat(), &[]);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    stderr(&output)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Imports each kind from the folder.
fn import(folder: &Path, data: &str) {
    for kind in KINDS {
        done(&["import", kind, text(&folder.join(format!("{kind}.jsonl"))), "--data", data]);
    }
}

#[tokio::test]
async fn what_is_exported_fills_an_empty_shop_that_exports_the_same() {
    let (first, second) = (place().await, place().await);
    let folder = tempfile::tempdir().expect("a directory");
    let [sample, out, again] = ["sample", "out", "again"].map(|name| folder.path().join(name));
    fs::create_dir(&sample).expect("made");
    for kind in KINDS {
        let lines: String = (0..DOCUMENTS).map(|number| document(kind, number).to_string() + "\n").collect();
        fs::write(sample.join(format!("{kind}.jsonl")), lines).expect("written");
    }
    import(&sample, first.address());

    let export = |data: &str, to: &Path| done(&["export", "--all", "--to", text(to), "--data", data]);
    let said = export(first.address(), &out);
    assert!(said.contains("120 categories, 120 products, 120 users, 120 orders in "), "{said}");
    assert!(!folder.path().join("out.part").exists());
    import(&out, second.address());
    export(second.address(), &again);
    for kind in KINDS {
        let [given, ours, theirs] =
            [&sample, &out, &again].map(|folder| documents(&folder.join(format!("{kind}.jsonl"))));
        assert_eq!(ours, theirs, "{kind}");
        assert_eq!(ours.len(), DOCUMENTS);
        assert!(given.iter().zip(&ours).all(|(given, ours)| holds(ours, given)), "{kind}: {ours:?}");
    }
}

/// The documents of a file by what names each, whatever their order: lists go by ids, which are a shop's own.
fn documents(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("it is there");
    let mut all: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let name = |document: &Value| {
        ["slug", "email", "number"].map(|key| document[key].as_str().unwrap_or_default().to_owned())
    };
    all.sort_by_key(name);
    all
}

/// Whether a document has every field of another, whatever else it has.
fn holds(document: &Value, other: &Value) -> bool {
    match (document, other) {
        (Value::Object(ours), Value::Object(theirs)) => {
            theirs.iter().all(|(key, value)| ours.get(key).is_some_and(|ours| holds(ours, value)))
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| holds(ours, theirs))
        }
        _ => document == other,
    }
}

#[test]
fn a_folder_that_is_there_is_not_overwritten_and_a_failure_leaves_none() {
    let folder = tempfile::tempdir().expect("a directory");
    let (to, data) = (folder.path().join("to"), folder.path().join("data"));
    let export =
        || shoal(&["export", "--all", "--to", text(&to), "--data", text(&data), "--log", "error"], &[]);
    fs::write(&data, "no directory").expect("written");
    let failed = export();
    assert_eq!(failed.status.code(), Some(1), "{}", stderr(&failed));
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);

    fs::create_dir(&to).expect("made");
    fs::write(to.join("mine"), "mine").expect("written");
    let refused = export();
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("backup_exists.md"), "{}", stderr(&refused));
}

#[test]
fn one_kind_and_all_of_them_do_not_mix() {
    for arguments in [
        &["export", "--all"][..],
        &["export", "users"],
        &["export", "users", "a.csv", "--to", "b"],
        &["export", "users", "a.csv", "--all", "--to", "b"],
        &["export", "--all", "--to", "b", "--format", "csv"],
        &["export", "--to", "b"],
    ] {
        let refused = shoal(arguments, &[]);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {}", stderr(&refused));
    }
}

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use shoal_contract::orders::{PastLine, PastOrder};
use shoal_contract::products::ProductStatus;
use shoal_exchange::Kind;

use crate::shop::{Shop, assert_accounted, shared};

/// The rows of a file by the names of its columns.
fn rows(path: &Path) -> Vec<HashMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("readable");
    reader.deserialize().collect::<Result<_, _>>().expect("rows")
}

fn number(row: &HashMap<String, String>, column: &str) -> i64 {
    row[column].parse().expect(column)
}

fn off(line: &PastLine, kind: &str) -> i64 {
    line.discounts
        .iter()
        .filter(|discount| discount.kind == kind)
        .map(|discount| discount.amount.amount)
        .sum()
}

/// What the line cost before the manufacturer's coupon.
fn sales(line: &PastLine) -> i64 {
    line.subtotal.amount - off(line, "loyalty") - off(line, "coupon_match")
}

async fn orders(shop: &Shop) -> Option<Vec<PastOrder>> {
    let input = shared("completejourney/transactions_w01_04.csv")?;
    let summary = shop.run(&shop.import(Kind::Orders, &input, Some("completejourney_orders"))).await;
    assert_accounted(&summary);
    assert_eq!(
        (summary.rows.read, summary.rows.imported, summary.documents.created),
        (90_777, 90_777, 9_151)
    );
    assert_eq!((summary.notes.len(), summary.rejects), (0, None));
    Some(shop.held(|held| held.orders.all.clone()))
}

#[tokio::test]
async fn orders_give_the_expected_sums_to_the_cent() {
    let shop = Shop::open();
    let Some(orders) = orders(&shop).await else { return };
    baskets_are_as_expected(&orders);
    households_are_as_expected(&orders);
    departments_are_as_expected(&orders);
    assert!(orders.iter().flat_map(|order| &order.lines).any(|line| line.quantity == 0));
    let titles =
        orders.iter().flat_map(|order| &order.lines).filter(|line| line.title.starts_with("Product "));
    assert_eq!(titles.count(), 205, "lines of products that no list has");
    let negative = |line: &&PastLine| off(line, "coupon") > sales(line);
    assert_eq!(orders.iter().flat_map(|order| &order.lines).filter(negative).count(), 190);
}

fn baskets_are_as_expected(orders: &[PastOrder]) {
    let Some(expected) = shared("completejourney/expected_baskets_w01_04.csv") else { return };
    let by_number: HashMap<&str, &PastOrder> =
        orders.iter().map(|order| (order.number.as_str(), order)).collect();
    let expected = rows(&expected);
    assert_eq!(expected.len(), orders.len());
    for row in &expected {
        let order = by_number[row["basket_id"].as_str()];
        let sum = |part: &dyn Fn(&PastLine) -> i64| order.lines.iter().map(part).sum::<i64>();
        let found = [
            i64::try_from(order.lines.len()).expect("fits"),
            sum(&sales),
            sum(&|line| off(line, "loyalty")),
            sum(&|line| off(line, "coupon")),
            sum(&|line| off(line, "coupon_match")),
        ];
        let columns =
            ["lines", "sales_cents", "loyalty_disc_cents", "coupon_disc_cents", "coupon_match_cents"];
        assert_eq!(found, columns.map(|column| number(row, column)), "basket {}", order.number);
        let email = format!("household-{}@completejourney.invalid", row["household_id"]);
        assert_eq!(order.email.as_deref(), Some(email.as_str()));
        assert_eq!(order.placed_at.to_string(), format!("{}.000000Z", row["ts"].replace(' ', "T")));
        assert!(
            order
                .note
                .as_deref()
                .is_some_and(|note| note.starts_with(&format!("store {},", row["store_id"])))
        );
    }
}

fn households_are_as_expected(orders: &[PastOrder]) {
    let Some(expected) = shared("completejourney/expected_households_w01_04.csv") else { return };
    let mut found: BTreeMap<&str, [i64; 3]> = BTreeMap::new();
    for order in orders {
        let sums = found.entry(order.email.as_deref().expect("every basket has a household")).or_default();
        sums[0] += 1;
        sums[1] += i64::try_from(order.lines.len()).expect("fits");
        sums[2] += order.lines.iter().map(sales).sum::<i64>();
    }
    let expected = rows(&expected);
    assert_eq!(expected.len(), found.len());
    for row in &expected {
        let email = format!("household-{}@completejourney.invalid", row["household_id"]);
        let wanted = ["orders", "lines", "sales_cents"].map(|column| number(row, column));
        assert_eq!(found[email.as_str()], wanted, "{email}");
    }
}

fn departments_are_as_expected(orders: &[PastOrder]) {
    let Some((expected, products)) =
        shared("completejourney/expected_departments_w01_04.csv").zip(shared("completejourney/products.csv"))
    else {
        return;
    };
    let products = rows(&products);
    let department: HashMap<&str, &str> =
        products.iter().map(|row| (row["product_id"].as_str(), row["department"].as_str())).collect();
    let mut found: BTreeMap<&str, [i64; 2]> = BTreeMap::new();
    for line in orders.iter().flat_map(|order| &order.lines) {
        let sums = found.entry(department.get(line.sku.as_str()).unwrap_or(&"(unknown)")).or_default();
        sums[0] += 1;
        sums[1] += sales(line);
    }
    let expected = rows(&expected);
    assert_eq!(expected.len(), found.len());
    for row in &expected {
        let wanted = ["lines", "sales_cents"].map(|column| number(row, column));
        assert_eq!(found[row["department"].as_str()], wanted, "{}", row["department"]);
    }
}

#[tokio::test]
async fn every_product_comes_with_its_place_in_the_tree() {
    let Some(input) = shared("completejourney/products.csv") else { return };
    let shop = Shop::open();
    let summary = shop.run(&shop.import(Kind::Products, &input, Some("completejourney_products"))).await;
    assert_accounted(&summary);
    assert_eq!((summary.documents.created, summary.documents.refused), (92_331, 0));
    assert_eq!(summary.categories.refused, 0);
    shop.held(|held| {
        let product = &held.products.all[0];
        assert_eq!(product.slug.as_deref(), Some("ice-crushed-cubed-25671"));
        assert_eq!(product.title, "ICE - CRUSHED/CUBED, 22 LB");
        assert_eq!(product.category.as_deref(), Some("grocery-frzn-ice-ice-crushed-cubed"));
        assert_eq!(product.attributes["manufacturer"], "2");
        let bare = held.products.get("miscellaneous-26081").expect("there");
        assert_eq!((bare.title.as_str(), bare.category.as_deref()), ("MISCELLANEOUS", Some("miscellaneous")));
        assert!(held.products.all.iter().all(
            |product| product.status == ProductStatus::Draft || product.variants[0].prices[0].amount > 0
        ));
        // Two types whose names differ only in a sign, each with its own category.
        let liquor =
            held.categories.all.iter().filter(|made| made.title.starts_with("SINGLE SERVE/MULTI-PK CKTLS"));
        assert_eq!(liquor.count(), 2);
    });
}

/// The year has 2,469 households. The files beside the project name 2,017 of them: those of the demographics, of four
/// weeks of transactions, of the campaigns and of the redemptions.
#[tokio::test]
async fn every_household_that_a_file_names_is_a_user_once() {
    let Some(input) = shared("completejourney/demographics.csv") else { return };
    let shop = Shop::open();
    let summary = shop.run(&shop.import(Kind::Users, &input, Some("completejourney_households"))).await;
    assert_accounted(&summary);
    let Some(folder) = input.parent() else { return };
    let files = ["demographics", "transactions_w01_04", "campaigns", "coupon_redemptions"];
    let rows = files.map(|file| rows(&folder.join(format!("{file}.csv"))));
    let mut named: Vec<&str> = rows.iter().flatten().map(|row| row["household_id"].as_str()).collect();
    named.sort_unstable();
    named.dedup();
    assert_eq!((named.len(), summary.documents.created), (2_017, 2_017));
    shop.held(|held| {
        let known = held.users.get("household-1@completejourney.invalid").expect("there");
        assert_eq!((known.tags[0].as_str(), known.tags.len()), ("age: 65+", 7));
        let tagged = held.users.all.iter().filter(|user| !user.tags.is_empty()).count();
        assert_eq!(tagged, 801);
    });
}

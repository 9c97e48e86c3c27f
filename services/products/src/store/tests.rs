//! Every statement can be prepared, and those of hot paths and lists find their rows through an index.

use std::time::Duration;

use shoal_contract::products::{CategoryId, ProductId, ProductSort, ProductStatus};
use shoal_sql::testing::Place;
use shoal_sql::{Database, FromRow, Row, Statement, Value, params};
use shoal_types::{Context, Currency, Env, Limit};

use super::lists::{ListFilter, ListKey, Listed};
use super::{MIGRATIONS, categories, changes, holds, lists, movements, new_products, products, stock};

async fn database() -> (Database, Context) {
    let env = Env::system();
    let db = Database::temporary("products", MIGRATIONS, &env).await.expect("opens");
    (db, Context::system(&env, Duration::from_secs(60)))
}

/// The plans that are read here are SQLite's.
async fn embedded() -> (Place, Database, Context) {
    let env = Env::system();
    let place = Place::folder();
    let db = Database::open(place.options("products", MIGRATIONS, &env)).await.expect("opens");
    (place, db, Context::system(&env, Duration::from_secs(60)))
}

fn statements() -> Vec<&'static Statement> {
    [
        categories::sql::ALL,
        changes::sql::ALL,
        holds::sql::ALL,
        lists::sql::ALL,
        movements::sql::ALL,
        new_products::sql::ALL,
        products::sql::ALL,
        stock::sql::ALL,
    ]
    .concat()
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let (db, _) = database().await;
    assert_eq!(db.check(&statements()).await, Ok(()));
    assert_eq!(db.check(shoal_queue::STATEMENTS).await, Ok(()));
}

/// A line of the engine's plan.
struct Step(String);

impl FromRow for Step {
    fn from_row(row: &Row<'_>) -> Result<Self, shoal_sql::Error> {
        Ok(Self(row.get(3)?))
    }
}

/// The statement that asks for the plan of another. Tests leak it.
fn explaining(statement: &Statement) -> &'static Statement {
    let text: &'static str = Box::leak(format!("explain query plan {}", statement.text()).into_boxed_str());
    Box::leak(Box::new(Statement::new("EXPLAIN", text)))
}

fn assert_indexed(statement: &Statement, plan: Vec<Step>, may_sort: bool) {
    assert!(!plan.is_empty(), "{} has a plan", statement.name());
    for Step(step) in plan {
        let name = statement.name();
        // Lists of parameters are walked, and the index of open holds is walked from its oldest.
        let scan = step.starts_with("SCAN")
            && !["CONSTANT", "SCAN d", "SCAN v", "holds_open"].iter().any(|own| step.contains(own));
        assert!(!scan, "{name} looks at every row: {step}");
        assert!(may_sort || !step.contains("TEMP B-TREE"), "{name} sorts: {step}");
    }
}

async fn explain(
    db: &Database,
    cx: &Context,
    statement: &'static Statement,
    params: Vec<Value>,
) -> Vec<Step> {
    let explaining = explaining(statement);
    let plan = db.read(cx, async move |tx| tx.list::<Step>(explaining, &params).await).await;
    plan.unwrap_or_else(|error| panic!("{}: {error}", statement.name()))
}

#[tokio::test]
async fn lists_walk_an_index() {
    use ProductSort::{Newest, PriceHigh, PriceLow, Title};
    let (_place, db, cx) = embedded().await;
    let id = ProductId::from_digest([1; 16]);
    let category = CategoryId::from_digest([2; 16]);
    for sort in [Newest, Title, PriceLow, PriceHigh] {
        for (category, brand) in
            [(None, None), (None, Some("Kiln")), (Some(category), None), (Some(category), Some("Kiln"))]
        {
            let key = match sort {
                Newest => ListKey::Time,
                Title => ListKey::Title("Mug".to_owned()),
                PriceLow | PriceHigh => ListKey::Amount(100),
            };
            let filter = ListFilter {
                sort,
                category,
                brand: brand.map(str::to_owned),
                currency: Currency::EUR,
                prices: Some((1, 100)),
                after: Some(Listed { id, key }),
                limit: Limit::default(),
            };
            let (statement, params) = filter.query(ProductStatus::Active);
            let plan = explain(&db, &cx, statement, params).await;
            let narrowing = match (category.is_some(), brand.is_some()) {
                (true, _) => {
                    "SEARCH c USING COVERING INDEX sqlite_autoindex_product_categories_1 (category_id=?"
                }
                (_, true) => "INDEX products_by_brand (status=? AND brand=?",
                _ => "(status=? AND",
            };
            assert!(plan[0].0.contains(narrowing), "{} begins with {}", statement.name(), plan[0].0);
            // A brand's or a category's own products are few enough to sort by what their index does not hold.
            let narrowed = category.is_some() || brand.is_some();
            assert_indexed(statement, plan, narrowed && sort != Newest);
        }
    }
}

#[tokio::test]
async fn hot_statements_find_their_rows_by_key() {
    let (_place, db, cx) = embedded().await;
    let id = || Value::from(ProductId::from_digest([1; 16]));
    for (statement, params) in [
        (holds::sql::DUE_HOLDS, vec![1.into(), 10.into()]),
        (holds::sql::NEXT_EXPIRY, vec![]),
        (movements::sql::LIST_BOOKED, vec![id(), 1.into(), id(), 10.into()]),
        (movements::sql::LIST_HOLDS_MADE, vec![id(), 1.into(), id(), 10.into()]),
        (movements::sql::LIST_HOLDS_SETTLED, vec![id(), 1.into(), id(), 10.into()]),
        (stock::sql::BOOK, vec![id(), 1.into()]),
        (products::sql::SCAN_ACTIVE, vec![id(), 10.into()]),
        (categories::sql::CATEGORY_HAS_PRODUCTS, vec![id()]),
        (categories::sql::TAKE_PRODUCTS_OUT, vec![id(), id()]),
        (lists::sql::CATEGORY_MEMBERS, vec![id(), id(), 10.into()]),
    ] {
        let plan = explain(&db, &cx, statement, params).await;
        assert_indexed(statement, plan, false);
    }
    let row = params![ProductId::from_digest([1; 16]), 1];
    for statement in [stock::sql::TAKE, stock::sql::SELL, stock::sql::GIVE_BACK, stock::sql::PUT_BACK] {
        let (explaining, rows) = (explaining(statement), [row.clone()]);
        let plan = db.read(&cx, async move |tx| tx.list_rows::<Step, _>(explaining, params![], &rows).await);
        // The rows of the round are sorted: they are locked in that order.
        assert_indexed(statement, plan.await.expect("a plan"), true);
    }
    for (statement, fixed) in [
        (holds::sql::SETTLE_HOLDS, params!["confirmed", 1, 1].to_vec()),
        (holds::sql::FIND_HOLDS, vec![]),
        (stock::sql::SHELVES, vec![]),
        (stock::sql::RETIRE, vec![]),
    ] {
        let (explaining, ids) = (explaining(statement), [id(), id()]);
        let plan = db.read(&cx, async move |tx| tx.list_in::<Step, _>(explaining, &fixed, ids.clone()).await);
        assert_indexed(statement, plan.await.expect("a plan"), false);
    }
    let leave = explaining(products::sql::LEAVE_CATEGORIES);
    let rows = [params![ProductId::from_digest([1; 16]), "active", ProductId::from_digest([1; 16])]];
    let plan = db.read(&cx, async move |tx| tx.list_rows::<Step, _>(leave, params![], &rows).await);
    assert_indexed(products::sql::LEAVE_CATEGORIES, plan.await.expect("a plan"), false);
}

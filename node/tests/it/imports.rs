use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use shoal_contract::orders::{ListOrders, Order};
use shoal_contract::products::LookUp;
use shoal_exchange::{Import, Kind, Mapping, Silent, Summary};
use shoal_node::Opened;
use shoal_node::config::{Sources, load};
use shoal_sql::testing::Place;
use shoal_types::{Context, Env, Limit, PageRequest};
use tempfile::TempDir;

const WITHIN: Duration = Duration::from_secs(300);

/// A file of the real data sets beside the project; `None`, said aloud, where they are not.
fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if !path.exists() {
        println!("skipped: there is no {}", path.display());
        return None;
    }
    Some(path)
}

/// The houses on data of their own.
struct Houses {
    opened: Opened,
    env: Env,
    /// For what an import leaves behind.
    directory: TempDir,
    _place: Place,
}

impl Houses {
    async fn open() -> Self {
        let env = Env::system();
        let place = Place::migrated(&[], &env).await.expect("a place");
        let flags = vec![("data", place.address().to_owned())];
        let config = load(&Sources { flags, ..Sources::default() }).expect("valid").config;
        let opened = Opened::open(&config, env.clone()).await.expect("the houses open");
        let directory = tempfile::tempdir().expect("a directory");
        Self { opened, env, directory, _place: place }
    }

    fn cx(&self) -> Context {
        Context::system(&self.env, WITHIN)
    }

    async fn import(&self, kind: Kind, file: &Path, mapping: &str) -> Summary {
        let mut import = Import::new(kind, file);
        import.mapping = Some(Mapping::builtin(mapping).expect("a built-in mapping"));
        import.rejects = self.directory.path().join("rejects.jsonl");
        let targets = self.opened.targets().expect("every house is here");
        import.run(|| self.cx(), &targets, &Silent).await.expect("the import ends")
    }

    async fn orders(&self, source: &str) -> Vec<Order> {
        let orders = self.opened.services().orders.clone().expect("orders are here");
        let mut all = Vec::new();
        let mut list = ListOrders {
            page: PageRequest { limit: Limit::MAX, cursor: None },
            source: Some(source.to_owned()),
            ..ListOrders::default()
        };
        loop {
            let page = orders.list_orders(&self.cx(), list.clone()).await.expect("a page");
            all.extend(page.items);
            list.page.cursor = page.next;
            if list.page.cursor.is_none() {
                return all;
            }
        }
    }
}

/// What was taken off an order's lines for one reason, minor units.
fn discount(order: &Order, kind: &str) -> i64 {
    let discounts = order.lines.iter().flat_map(|line| &line.discounts);
    discounts.filter(|discount| discount.kind == kind).map(|discount| discount.amount.amount).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn complete_journey_orders_in_the_house_sum_to_the_cent() {
    let (Some(file), Some(expected)) = (
        real("completejourney/transactions_w01_04.csv"),
        real("completejourney/expected_baskets_w01_04.csv"),
    ) else {
        return;
    };
    let houses = Houses::open().await;
    let summary = houses.import(Kind::Orders, &file, "completejourney_orders").await;
    assert_eq!((summary.documents.created, summary.rows.read), (9_151, 90_777));

    let orders = houses.orders("completejourney").await;
    let baskets: BTreeMap<&str, &Order> = orders.iter().map(|order| (order.number.as_str(), order)).collect();
    let mut rows = csv::Reader::from_path(expected).expect("the sums can be read");
    let mut compared = 0;
    for row in rows.records() {
        let row = row.expect("a row");
        let number = |index: usize| row[index].parse::<i64>().expect("a number");
        let order = baskets[&row[0]];
        let coupons = discount(order, "coupon");
        let sales = order.lines.iter().map(|line| line.total.amount).sum::<i64>() + coupons;
        let found = (
            order.lines.len() as i64,
            sales,
            discount(order, "loyalty"),
            coupons,
            discount(order, "coupon_match"),
        );
        assert_eq!(found, (number(4), number(5), number(6), number(7), number(8)), "basket {}", &row[0]);
        compared += 1;
    }
    assert_eq!(compared, baskets.len());

    let again = houses.import(Kind::Orders, &file, "completejourney_orders").await;
    assert_eq!((again.documents.unchanged, again.documents.created), (9_151, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn eshop_and_spree_products_can_be_bought_after_their_import() {
    let (Some(eshop), Some(spree)) = (real("eshop/products.csv"), real("spree/products.csv")) else { return };
    let houses = Houses::open().await;
    let summary = houses.import(Kind::Products, &eshop, "eshop").await;
    assert_eq!((summary.documents.created, summary.rows.rejected), (101, 0));
    let summary = houses.import(Kind::Products, &spree, "spree").await;
    // Its 174 rows of variants are 87 SKUs, each once in dollars and once in euro.
    assert_eq!((summary.documents.created, summary.rows.read), (37, 211));
    let skus = vec!["AUTOMATIC-ESPRESSO-MACHINE-MATTE-BLACK".to_owned()];
    let products = houses.opened.services().products.clone().expect("products are here");
    let offers = products.look_up(&houses.cx(), LookUp { skus }).await.expect("a look-up");
    let offer = offers[0].as_ref().expect("the variant is for sale");
    assert_eq!((offer.prices[0].amount, offer.choice.as_str()), (87_999, "Color: Matte Black"));
}

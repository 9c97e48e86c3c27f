//! A shop in this process, on data of its own, for what is measured without HTTP.

use std::sync::Arc;
use std::time::Duration;

use shoal_checkout::Checkout;
use shoal_contract::Address;
use shoal_contract::checkout::{PaymentMethod, PlaceOrder};
use shoal_contract::orders::LineBody;
use shoal_contract::products::{NewProduct, NewVariant, Product, ProductStatus, Products as ProductService};
use shoal_orders::Orders;
use shoal_products::Products;
use shoal_queue::{OutboxTable, Relay, RelayOptions};
use shoal_sql::Counters;
use shoal_types::{Context, Currency, Env, Money, Secret};

use crate::command::Plan;
use crate::ground::Plot;

/// How long one call may take.
pub(crate) const WITHIN: Duration = Duration::from_secs(30);
/// More than any measurement sells.
pub(crate) const PLENTY: i64 = 1_000_000_000;

/// The houses a checkout needs, open and at work.
pub(crate) struct Shop {
    pub(crate) env: Env,
    pub(crate) products: Products,
    pub(crate) orders: Orders,
    pub(crate) checkout: Checkout,
    relays: Vec<Relay>,
    plot: Plot,
}

impl Shop {
    /// Opens a new shop on the plan's ground.
    pub(crate) async fn open(plan: &Plan) -> anyhow::Result<Self> {
        let plot = plan.ground.plot().await?;
        let (place, env) = (&plot.source()?, Env::system());
        let products =
            Products::open(shoal_products::Options::new(place, Currency::EUR), env.clone()).await?;
        let service = Arc::new(products.clone());
        let orders =
            Orders::open(shoal_orders::Options::new(place, Currency::EUR), env.clone(), service.clone())
                .await?;
        let options = shoal_checkout::Options::new(place, Secret::new("bench"));
        let checkout =
            Checkout::open(options, env.clone(), Arc::new(orders.clone()), service, Vec::new()).await?;
        let relay = |db: &shoal_sql::Database, table, consumers| {
            Relay::start(db.clone(), table, consumers, RelayOptions::default(), env.clone())
        };
        let relays = vec![
            relay(products.database(), OutboxTable::default(), products.consumers()),
            relay(orders.database(), Orders::outbox(), orders.consumers()),
            relay(orders.database(), OutboxTable::default(), Vec::new()),
            relay(checkout.database(), OutboxTable::default(), Vec::new()),
        ];
        Ok(Self { env, products, orders, checkout, relays, plot })
    }

    /// Adds a product of one variant, `stock` pieces of `sku`.
    pub(crate) async fn product(&self, sku: &str, stock: i64) -> anyhow::Result<Arc<Product>> {
        let cx = Context::system(&self.env, WITHIN);
        Ok(self.products.create_product(&cx, product(sku, stock)).await?)
    }

    /// What the houses have done so far; the test provider's book, which stands for another firm's, apart.
    pub(crate) fn done(&self) -> Done {
        let houses = [self.products.database(), self.orders.database(), self.checkout.database()];
        let sum = |of: fn(Counters) -> u64| houses.iter().map(|db| of(db.counters())).sum();
        Done {
            statements: sum(|counters| counters.statements),
            round_trips: sum(|counters| counters.round_trips),
            commits: sum(|counters| counters.commits),
        }
    }

    /// Where the data lie.
    pub(crate) fn plot(&self) -> &Plot {
        &self.plot
    }

    /// Closes the houses and gives the place of their data, gone when it is dropped.
    pub(crate) async fn close(self) -> Plot {
        for relay in self.relays {
            relay.stop().await;
        }
        self.checkout.close().await;
        self.orders.close().await;
        self.products.close().await;
        self.plot
    }
}

/// What houses have asked of their databases.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    /// Statements; one of many callers' rows is one.
    pub(crate) statements: u64,
    /// Waits for a server.
    pub(crate) round_trips: u64,
    /// Durable commits.
    pub(crate) commits: u64,
}

impl Done {
    /// What was done since `before`, for each of `count` things: statements, round trips, commits.
    pub(crate) fn since(self, before: Self, count: u64) -> [f64; 3] {
        let each = |now: u64, before: u64| now.saturating_sub(before) as f64 / count.max(1) as f64;
        [
            each(self.statements, before.statements),
            each(self.round_trips, before.round_trips),
            each(self.commits, before.commits),
        ]
    }
}

/// A product of one variant.
fn product(sku: &str, stock: i64) -> NewProduct {
    let variant = NewVariant {
        sku: sku.to_owned(),
        options: Default::default(),
        prices: vec![Money::new(1999, Currency::EUR)],
        weight_g: Some(350),
        image: None,
        shippable: true,
        stock,
    };
    NewProduct {
        slug: Some(sku.to_lowercase()),
        title: format!("Bench mug {sku}"),
        description: "A mug that is sold very often. ".repeat(12),
        brand: Some("Bench".to_owned()),
        category: None,
        status: ProductStatus::Active,
        tax_category: "standard".to_owned(),
        options: Vec::new(),
        variants: vec![variant],
        images: Vec::new(),
        attributes: Default::default(),
    }
}

/// A guest's purchase of `lines`, without a cart.
pub(crate) fn purchase(lines: Vec<LineBody>) -> PlaceOrder {
    PlaceOrder {
        cart: None,
        lines,
        currency: None,
        email: Some("bench@example.com".to_owned()),
        shipping_address: Some(address()),
        billing_address: None,
        shipping_method: None,
        note: None,
        expected_total: None,
        payment: PaymentMethod { provider: "test".to_owned(), token: Secret::new("tok_success") },
    }
}

fn address() -> Address {
    Address {
        name: "A Bench".to_owned(),
        line1: "1 Pier Road".to_owned(),
        line2: None,
        city: "Hamburg".to_owned(),
        postal_code: Some("20457".to_owned()),
        region: None,
        country: "DE".to_owned(),
        phone: None,
    }
}

/// A line of `quantity` pieces of `sku`.
pub(crate) fn line(sku: &str, quantity: i64) -> LineBody {
    LineBody { sku: sku.to_owned(), quantity, note: None }
}

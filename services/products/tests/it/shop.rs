//! A product house of its own for each test.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shoal_contract::products::{
    AdjustStock, Adjustment, Category, Error, LookUp, NewCategory, NewProduct, NewVariant, Product,
    ProductStatus, Products as _, Reservation, ReservationKey, ReservationRef, Reserve, Stock, StockChange,
    StockLine,
};
use shoal_products::{MIGRATIONS, Options, Products};
use shoal_queue::{OutboxTable, Relay};
use shoal_sql::testing::Place;
use shoal_sql::{Durability, Engine};
use shoal_types::{
    Caller, Context, Currency, Env, Id, Idempotency, ManualClock, Money, Role, SeededRng, Timestamp,
};

pub(crate) struct Shop {
    pub(crate) products: Products,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) env: Env,
    place: Place,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_as(|options| options).await
    }

    /// A shop with other options.
    pub(crate) async fn open_as(other: impl FnOnce(Options) -> Options) -> Self {
        let now = Timestamp::parse("2026-05-03T10:12:00Z").expect("valid");
        let clock = Arc::new(ManualClock::at(now));
        let env = Env::new(clock.clone(), Arc::new(SeededRng::new(7)));
        let place = Place::migrated(&[("products", MIGRATIONS)], &Env::system()).await.expect("a place");
        let products = Products::open(other(options(&place)), env.clone()).await.expect("opens");
        Self { products, clock, env, place }
    }

    /// The same data, opened again.
    pub(crate) async fn reopen(self) -> Self {
        self.products.close().await;
        drop(self.products);
        let products = Products::open(options(&self.place), self.env.clone()).await.expect("opens again");
        Self { products, ..self }
    }

    /// The house on another node, where the engine lets two nodes share the data; else this one.
    pub(crate) async fn neighbour(&self) -> Products {
        match self.place.engine() {
            Engine::Sqlite => self.products.clone(),
            Engine::Postgres => Products::open(options(&self.place), self.env.clone()).await.expect("opens"),
        }
    }

    /// Whether other nodes may write the same data.
    pub(crate) fn is_shared(&self) -> bool {
        self.place.engine() == Engine::Postgres
    }

    /// Starts to feed the search index.
    pub(crate) fn relay(&self) -> Relay {
        let options = Products::relay_options();
        let db = self.products.database().clone();
        Relay::start(db, OutboxTable::default(), self.products.consumers(), options, self.env.clone())
    }

    pub(crate) fn system(&self) -> Context {
        Context::system(&self.env, Duration::from_secs(60))
    }

    pub(crate) fn staff(&self) -> Context {
        self.user(Role::Staff)
    }

    pub(crate) fn customer(&self) -> Context {
        self.user(Role::Customer)
    }

    pub(crate) fn anonymous(&self) -> Context {
        self.system().with_caller(Caller::Anonymous)
    }

    fn user(&self, role: Role) -> Context {
        let id = Id::from_digest([9; 16]);
        self.system().with_caller(Caller::User { id, role })
    }

    /// A staff request with an idempotency key.
    pub(crate) fn keyed(&self, key: &str, body: u8) -> Context {
        let idempotency = Idempotency { key: key.into(), fingerprint: [body; 32] };
        Context { idempotency: Some(idempotency), ..self.staff() }
    }

    pub(crate) async fn create(&self, new: NewProduct) -> Arc<Product> {
        // A millisecond apart, so that ids tell which is newer.
        self.clock.advance(Duration::from_millis(1));
        self.products.create_product(&self.staff(), new).await.expect("created")
    }

    /// A mug with one variant, `SKU` the uppercase of its slug.
    pub(crate) async fn mug(&self, slug: &str, stock: i64) -> Arc<Product> {
        self.create(mug(slug, stock)).await
    }

    pub(crate) async fn category(&self, slug: &str, parent: Option<&str>) -> Category {
        self.products.create_category(&self.staff(), category(slug, parent)).await.expect("created")
    }

    pub(crate) async fn stock(&self, sku: &str) -> Stock {
        let skus = vec![sku.to_owned()];
        let found = self.products.get_stock(&self.system(), LookUp { skus }).await.expect("answers");
        found[0].clone().expect("known")
    }

    /// `on_hand, reserved`.
    pub(crate) async fn counts(&self, sku: &str) -> (i64, i64) {
        let stock = self.stock(sku).await;
        (stock.on_hand, stock.reserved)
    }

    pub(crate) async fn adjust(&self, sku: &str, change: StockChange) -> Result<Stock, Error> {
        let adjustment = Adjustment { change, reason: Some("as told".to_owned()) };
        self.products.adjust_stock(&self.staff(), AdjustStock { sku: sku.to_owned(), adjustment }).await
    }

    pub(crate) fn key(&self) -> ReservationKey {
        self.env.id()
    }

    pub(crate) async fn reserve(
        &self,
        key: ReservationKey,
        lines: &[(&Product, i64)],
    ) -> Result<Reservation, Error> {
        let lines = lines.iter().map(|(product, quantity)| line(product, *quantity)).collect();
        self.reserve_lines(key, lines).await
    }

    pub(crate) async fn reserve_lines(
        &self,
        key: ReservationKey,
        lines: Vec<StockLine>,
    ) -> Result<Reservation, Error> {
        let expires_at = self.env.now().plus(Duration::from_secs(600));
        self.products.reserve(&self.system(), Reserve { key, lines, expires_at }).await
    }

    pub(crate) async fn confirm(&self, key: ReservationKey) -> Result<Reservation, Error> {
        self.products.confirm(&self.system(), ReservationRef { key }).await
    }

    pub(crate) async fn release(&self, key: ReservationKey) -> Result<Reservation, Error> {
        self.products.release(&self.system(), ReservationRef { key }).await
    }

    /// How many statements the house's database has run.
    pub(crate) fn statements(&self) -> u64 {
        self.products.database().counters().statements
    }
}

fn options(place: &Place) -> Options {
    let options = Options::new(place.source(), Currency::EUR);
    Options { durability: Durability::Process, ..options }
}

pub(crate) fn line(product: &Product, quantity: i64) -> StockLine {
    StockLine { variant: product.variants[0].id, quantity }
}

pub(crate) fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

pub(crate) fn variant(sku: &str, choice: &[(&str, &str)], stock: i64) -> NewVariant {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    NewVariant {
        sku: sku.to_owned(),
        options: choice.iter().map(own).collect(),
        prices: vec![eur(1_999)],
        weight_g: Some(350),
        image: None,
        shippable: true,
        stock,
    }
}

/// A mug as it is written: `stoneware-mug` has the title `Stoneware mug` and the SKU `STONEWARE-MUG`.
pub(crate) fn mug(slug: &str, stock: i64) -> NewProduct {
    let words = slug.replace('-', " ");
    let title = words[..1].to_uppercase() + &words[1..];
    NewProduct {
        slug: Some(slug.to_owned()),
        title,
        description: "Thrown by hand.".to_owned(),
        brand: None,
        category: None,
        status: ProductStatus::Active,
        tax_category: "standard".to_owned(),
        options: Vec::new(),
        variants: vec![variant(&slug.to_uppercase(), &[], stock)],
        images: Vec::new(),
        attributes: BTreeMap::new(),
    }
}

pub(crate) fn category(slug: &str, parent: Option<&str>) -> NewCategory {
    NewCategory {
        slug: slug.to_owned(),
        title: slug.to_uppercase(),
        parent: parent.map(str::to_owned),
        position: 0,
    }
}

/// Waits until `holds`, at most ten seconds; how long it took.
pub(crate) async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) -> Duration {
    let started = std::time::Instant::now();
    while !holds().await {
        assert!(started.elapsed() < Duration::from_secs(10), "it did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    started.elapsed()
}

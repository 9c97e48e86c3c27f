use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shoal_contract::products::Products;
use shoal_queue::OutboxTable;
use shoal_sql::{Database, Durability, Source, Tx};
use shoal_types::{Caller, Context, Currency, Env, Fault};
use tokio::sync::{Mutex, Notify};

use crate::error::Error;
use crate::model::rates::Rates;
use crate::model::zone::Zone;
use crate::store;

/// How to open the house.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where its data lives.
    pub source: Source,
    /// What an answered write survives.
    pub durability: Durability,
    /// What carts are priced in unless they say otherwise.
    pub currency: Currency,
    /// How long a guest's cart is kept that nobody touches; also how long ordered and merged carts are.
    pub carts_kept: Duration,
    /// How long a cart with goods in it is left alone before it counts as abandoned; zero for never.
    pub abandoned_after: Duration,
    /// Where the days of the sales begin. The same on every node.
    pub zone: Zone,
}

impl Options {
    /// The defaults, with data in `source` and prices in `currency`.
    pub fn new(source: impl Into<Source>, currency: Currency) -> Self {
        Self {
            source: source.into(),
            durability: Durability::Full,
            currency,
            carts_kept: Duration::from_secs(30 * 24 * 60 * 60),
            abandoned_after: Duration::from_secs(4 * 60 * 60),
            zone: Zone::utc(),
        }
    }
}

/// The order house. A handle is cheap to clone.
#[derive(Clone)]
pub struct Orders {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) db: Database,
    pub(crate) env: Env,
    pub(crate) options: Options,
    pub(crate) products: Arc<dyn Products>,
    /// The rates as last set. Carts and quotes read them here, not in the database.
    pub(crate) rates: ArcSwap<Rates>,
    /// Held while rates are set, so that what is cached last is what was committed last.
    pub(crate) setting_rates: Mutex<()>,
    /// Told when the sales are to be counted anew.
    pub(crate) recount: Notify,
}

impl Orders {
    /// Opens the house's database, makes it if absent, and reads the rates.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub async fn open(
        options: Options,
        env: Env,
        products: Arc<dyn Products>,
    ) -> Result<Self, shoal_sql::Error> {
        let sql = shoal_sql::Options::new(&options.source, "orders", store::MIGRATIONS, env.clone());
        let db = Database::open(shoal_sql::Options { durability: options.durability, ..sql }).await?;
        let cx = Context::system(&env, Duration::from_secs(60));
        let rates = db.read(&cx, async |tx| store::settings::load(tx).await).await?;
        let (rates, setting_rates) = (ArcSwap::from_pointee(rates), Mutex::default());
        let recount = Notify::new();
        Ok(Self { inner: Arc::new(Inner { db, env, options, products, rates, setting_rates, recount }) })
    }

    /// The house's database, for the relay and for counters.
    pub fn database(&self) -> &Database {
        &self.inner.db
    }

    /// Where the relay finds the house's events: the orders' timeline.
    pub fn outbox() -> OutboxTable {
        store::outbox()
    }

    /// Finishes the writes that wait and closes the database.
    pub async fn close(&self) {
        self.inner.db.close().await;
    }
}

impl Inner {
    /// Runs `body` as one transaction, again if another write came in between, until the deadline.
    pub(crate) async fn transact<T, F>(&self, cx: &Context, body: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T, Error> + Send + Sync + 'static,
    {
        let body = Arc::new(body);
        loop {
            let attempt = Arc::clone(&body);
            match self.db.write(cx, async move |tx: &mut Tx| attempt(tx).await).await {
                Err(Error::Raced) => cx.deadline.check(&self.env)?,
                result => return result,
            }
        }
    }

    /// As [`Inner::transact`], in a transaction that other callers may share: see [`Database::write_grouped`].
    pub(crate) async fn transact_grouped<T, F>(&self, cx: &Context, body: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T, Error> + Send + Sync + 'static,
    {
        let body = Arc::new(body);
        loop {
            let attempt = Arc::clone(&body);
            match self.db.write_grouped(cx, async move |tx: &mut Tx| attempt(tx).await).await {
                Err(Error::Raced) => cx.deadline.check(&self.env)?,
                result => return result,
            }
        }
    }

    /// As [`Inner::transact`]; a repeat with the same idempotency key gets the first answer.
    pub(crate) async fn command<T, F>(
        &self,
        cx: &Context,
        operation: &'static str,
        body: F,
    ) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T, Error> + Send + Sync + 'static,
    {
        let body = Arc::new(body);
        loop {
            let attempt = Arc::clone(&body);
            let attempt = async move |tx: &mut Tx| attempt(tx).await;
            match shoal_queue::once(&self.db, cx, &self.env, operation, attempt).await {
                Err(Error::Raced) => cx.deadline.check(&self.env)?,
                result => return result,
            }
        }
    }
}

/// Passes the system only.
///
/// # Errors
/// `Unauthenticated`, `Forbidden`.
pub(crate) fn require_system(cx: &Context) -> Result<(), Fault> {
    match cx.caller {
        Caller::System => Ok(()),
        Caller::Anonymous => Err(Fault::Unauthenticated {}),
        Caller::User { .. } => Err(Fault::Forbidden {}),
    }
}

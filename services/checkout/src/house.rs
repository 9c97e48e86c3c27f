use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shoal_contract::checkout::Error;
use shoal_contract::orders::Orders;
use shoal_contract::products::Products;
use shoal_sql::{Database, Durability, Source, Tx};
use shoal_types::{Context, Env, Secret};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::payments::{PaymentProvider, TestProvider};
use crate::running::Running;
use crate::store;

/// Sagas of an earlier version carried over in one transaction.
const CARRY_BATCH: i64 = 500;
const CARRY_WITHIN: Duration = Duration::from_secs(60);

/// How to open the house.
#[derive(Clone)]
pub struct Options {
    /// Where its data lives.
    pub source: Source,
    /// What an answered write survives.
    pub durability: Durability,
    /// How long a buyer has to confirm a payment at the provider; stock is held five minutes longer.
    pub confirm_within: Duration,
    /// How long a saga is left to its owner, who renews it while at work, before another may take it over.
    pub lease: Duration,
    /// The longest pause between two looks whether a saga was left behind, while there are any; up to eight times as long
    /// while nothing happens.
    pub sweep_every: Duration,
    /// Whether the built-in test provider takes payments. Never in a shop that sends goods.
    pub test_provider: bool,
    /// What the test provider's notices are signed with.
    pub webhook_secret: Secret,
}

impl Options {
    /// The defaults, with data in `source` and notices signed with `webhook_secret`.
    pub fn new(source: impl Into<Source>, webhook_secret: Secret) -> Self {
        Self {
            source: source.into(),
            durability: Durability::Full,
            confirm_within: Duration::from_secs(30 * 60),
            lease: Duration::from_secs(3),
            sweep_every: Duration::from_secs(15),
            test_provider: true,
            webhook_secret,
        }
    }
}

/// The checkout house. A handle is cheap to clone.
#[derive(Clone)]
pub struct Checkout {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) db: Database,
    pub(crate) env: Env,
    pub(crate) options: Options,
    /// This process, as the owner of sagas.
    pub(crate) owner: Uuid,
    pub(crate) orders: Arc<dyn Orders>,
    pub(crate) products: Arc<dyn Products>,
    pub(crate) providers: BTreeMap<&'static str, Arc<dyn PaymentProvider>>,
    /// The test provider's database, to be closed with the house.
    book: Option<Database>,
    pub(crate) running: Running,
    /// Counts the nodes that were lost.
    pub(crate) losses: watch::Sender<u64>,
    /// Tells the sweep, while it rests, that a saga has begun here.
    pub(crate) begun: Notify,
}

impl Checkout {
    /// Opens the house's database, makes it if absent, and that of the test provider if it is wanted.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub async fn open(
        options: Options,
        env: Env,
        orders: Arc<dyn Orders>,
        products: Arc<dyn Products>,
        providers: Vec<Arc<dyn PaymentProvider>>,
    ) -> Result<Self, shoal_sql::Error> {
        let open = async |name, migrations| {
            let sql = shoal_sql::Options::new(&options.source, name, migrations, env.clone());
            Database::open(shoal_sql::Options { durability: options.durability, ..sql }).await
        };
        let db = open("checkout", store::MIGRATIONS).await?;
        carry_over(&db, &env).await?;
        let mut providers: BTreeMap<_, _> =
            providers.into_iter().map(|provider| (provider.name(), provider)).collect();
        let mut book = None;
        if options.test_provider {
            let opened = open("test-provider", store::book::MIGRATIONS).await?;
            book = Some(opened.clone());
            let test = TestProvider::new(opened, env.clone(), options.webhook_secret.clone());
            providers.insert(test.name(), Arc::new(test));
        }
        let mut owner = [0_u8; 16];
        env.rng().fill(&mut owner);
        let owner = uuid::Builder::from_random_bytes(owner).into_uuid();
        let (running, losses) = (Running::default(), watch::Sender::new(0));
        let begun = Notify::new();
        let inner =
            Inner { db, env, options, owner, orders, products, providers, book, running, losses, begun };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The house's database, for the relay and for counters.
    pub fn database(&self) -> &Database {
        &self.inner.db
    }

    /// Waits for sagas under way to come to a stop, then closes the databases.
    pub async fn close(&self) {
        self.inner.running.drain().await;
        self.inner.db.close().await;
        if let Some(book) = &self.inner.book {
            book.close().await;
        }
    }
}

/// Keeps the sagas of an earlier version as this one does. Safe to be stopped and repeated.
async fn carry_over(db: &Database, env: &Env) -> Result<(), shoal_sql::Error> {
    let mut carried = 0;
    loop {
        let cx = Context::system(env, CARRY_WITHIN);
        let body = async |tx: &mut Tx| store::earlier::carry_over(tx, CARRY_BATCH).await;
        match db.write(&cx, body).await? {
            0 if carried == 0 => return Ok(()),
            0 => {
                tracing::info!(
                    sagas = carried,
                    "sagas of an earlier version are kept under their claims now"
                );
                return Ok(());
            }
            more => carried += more,
        }
    }
}

impl Inner {
    pub(crate) fn provider(&self, name: &str) -> Result<&Arc<dyn PaymentProvider>, Error> {
        self.providers.get(name).ok_or_else(|| Error::UnknownProvider { provider: name.to_owned() })
    }
}

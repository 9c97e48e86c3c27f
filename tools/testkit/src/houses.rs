use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shoal_checkout::{Checkout, PaymentProvider, TEST_PROVIDER_MIGRATIONS, TestProvider};
use shoal_contract::users::{NewUser, Users as _};
use shoal_gateway::Services;
use shoal_net::http::{Health, HttpConfig, Server};
use shoal_orders::Orders;
use shoal_products::Products;
use shoal_queue::{OutboxTable, Relay, RelayOptions};
use shoal_sql::testing::Trace;
use shoal_sql::{Counters, Database};
use shoal_types::{Context, Currency, Role, Secret};
use shoal_users::{House as Users, PasswordOptions};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::provider::Provider;
use crate::shop::{Blueprint, SOON};
use crate::shopping::PASSWORD;
use crate::wire;

/// Who runs the shop.
pub(crate) const ADMINISTRATOR: &str = "admin@example.com";
/// How long a shop that ends may take to let go of its data.
const LET_GO: Duration = Duration::from_secs(10);

/// The houses of one run of a shop.
#[derive(Clone)]
pub struct Houses {
    /// Accounts and sessions.
    pub users: Arc<Users>,
    /// Catalogue and stock.
    pub products: Products,
    /// Carts and orders.
    pub orders: Orders,
    /// Checkouts.
    pub checkout: Checkout,
    /// The book of the payment provider.
    pub book: Database,
}

impl Houses {
    async fn open(plan: &Blueprint) -> Self {
        let (data, env, setup) = (&plan.data, plan.env.clone(), &plan.setup);
        let sql = |name, migrations| shoal_sql::Options {
            durability: setup.durability,
            ..shoal_sql::Options::new(data, name, migrations, env.clone())
        };
        let users = Database::open(sql("users", shoal_users::MIGRATIONS)).await.expect("users open");
        // One pass over little memory: these passwords guard nothing.
        let passwords = PasswordOptions { memory_kib: 64, passes: 1, ..PasswordOptions::default() };
        let options = shoal_users::Options {
            passwords,
            session_life: setup.session_life,
            cached_session_life: setup.session_trusted,
            ..Default::default()
        };
        let users = Users::new(users, options, env.clone());

        let options = shoal_products::Options {
            durability: setup.durability,
            ..shoal_products::Options::new(data, Currency::EUR)
        };
        let products = Products::open(options, env.clone()).await.expect("products open");

        let options = shoal_orders::Options {
            durability: setup.durability,
            ..shoal_orders::Options::new(data, Currency::EUR)
        };
        let to_products = wire::products(Arc::new(products.clone()), plan.mishaps.clone());
        let orders = Orders::open(options, env.clone(), to_products.clone()).await.expect("orders open");

        let book =
            Database::open(sql("test-provider", TEST_PROVIDER_MIGRATIONS)).await.expect("the book opens");
        let test = TestProvider::new(book.clone(), env.clone(), plan.webhook_secret.clone());
        let provider = Provider { to: Arc::new(test), mishaps: plan.mishaps.clone() };
        let providers = vec![Arc::new(provider) as Arc<dyn PaymentProvider>];
        let options = shoal_checkout::Options {
            durability: setup.durability,
            lease: setup.lease,
            sweep_every: setup.sweep_every,
            confirm_within: setup.confirm_within,
            test_provider: false,
            ..shoal_checkout::Options::new(data, plan.webhook_secret.clone())
        };
        let to_orders = wire::orders(Arc::new(orders.clone()), plan.mishaps.clone());
        let checkout = Checkout::open(options, env, to_orders, to_products, providers).await;
        Self { users, products, orders, checkout: checkout.expect("checkout opens"), book }
    }

    pub(crate) async fn add_administrator(&self, cx: &Context) {
        let account = NewUser {
            email: ADMINISTRATOR.to_owned(),
            name: "Ada".to_owned(),
            role: Role::Administrator,
            phone: None,
            password: Some(Secret::new(PASSWORD)),
            accepts_marketing: false,
            tags: Vec::new(),
            addresses: Vec::new(),
        };
        self.users.create_user(cx, account).await.expect("an empty shop takes an administrator");
    }

    /// What the houses' databases have done: users, products, orders, checkout. The provider's book is not among
    /// them: a real provider is elsewhere.
    pub fn counters(&self) -> [Counters; 4] {
        [self.users.database(), self.products.database(), self.orders.database(), self.checkout.database()]
            .map(Database::counters)
    }

    /// Collects what the houses' databases do from now on: users, products, orders, checkout.
    pub fn traces(&self) -> [Trace; 4] {
        [self.users.database(), self.products.database(), self.orders.database(), self.checkout.database()]
            .map(shoal_sql::testing::trace)
    }

    fn services(&self) -> Services {
        Services {
            users: Some(self.users.clone()),
            products: Some(Arc::new(self.products.clone())),
            orders: Some(Arc::new(self.orders.clone())),
            checkouts: Some(Arc::new(self.checkout.clone())),
            notifications: None,
            nodes: None,
        }
    }

    async fn close(&self) {
        self.checkout.close().await;
        self.orders.close().await;
        self.products.close().await;
        self.users.database().close().await;
        self.book.close().await;
    }
}

/// One run of a shop, on a runtime of its own: when that ends, every task does, wherever it is.
pub(crate) struct Running {
    houses: Houses,
    address: SocketAddr,
    relays: Vec<Relay>,
    jobs: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    served: JoinHandle<bool>,
    runtime: Runtime,
}

impl Running {
    pub(crate) async fn start(plan: Blueprint) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().expect("threads for a runtime");
        let open = async move {
            let houses = Houses::open(&plan).await;
            let relays = if plan.setup.relays { relays(&houses, &plan) } else { Vec::new() };
            let stop = watch::Sender::new(false);
            let recovered = houses.checkout.recover().await;
            recovered.expect("sagas left behind are taken up");
            let jobs = jobs(&houses, &stop);
            let health = Health::new();
            let http = HttpConfig { listen: "127.0.0.1:0".into(), ..HttpConfig::default() };
            let server = Server::bind(http.clone(), health.clone()).await.expect("a free port");
            let address = server.address();
            let options = shoal_gateway::Options {
                http,
                health: health.clone(),
                ..shoal_gateway::Options::new(plan.env.clone())
            };
            let router = shoal_gateway::router(houses.services(), options);
            let mut stopped = stop.subscribe();
            let until = async move { drop(stopped.wait_for(|stop| *stop).await) };
            let served = tokio::spawn(server.run(router, until));
            health.ready();
            (houses, address, relays, jobs, stop, served)
        };
        let opened = runtime.spawn(open).await;
        let (houses, address, relays, jobs, stop, served) = opened.unwrap_or_else(|error| panic!("{error}"));
        Self { houses, address, relays, jobs, stop, served, runtime }
    }

    pub(crate) fn houses(&self) -> &Houses {
        &self.houses
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn close(self) {
        let Self { houses, relays, jobs, stop, served, runtime, .. } = self;
        stop.send_replace(true);
        served.await.expect("the server did not panic");
        jobs.iter().for_each(JoinHandle::abort);
        for relay in relays {
            relay.stop().await;
        }
        houses.close().await;
        drop(houses);
        end(runtime).await;
    }

    pub(crate) async fn abandon(self) {
        let Self { houses, relays, jobs, stop, served, runtime, .. } = self;
        drop((relays, jobs, served));
        end(runtime).await;
        drop(stop);
        // What was handed over to a writer happens or not, as in a crash; the last handle waits until it is known.
        tokio::task::spawn_blocking(move || drop(houses)).await.expect("the data is let go of");
    }

    /// As [`Running::abandon`], for a test that is over. The thread that tests may not block for it, so another does.
    pub(crate) fn forget(self) {
        let Self { houses, runtime, .. } = self;
        let ended = std::thread::spawn(move || {
            runtime.shutdown_timeout(LET_GO);
            drop(houses);
        });
        drop(ended.join());
    }
}

async fn end(runtime: Runtime) {
    let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(LET_GO));
    ended.await.expect("the runtime ends");
}

fn relays(houses: &Houses, plan: &Blueprint) -> Vec<Relay> {
    let start = |db: &Database, table, consumers, options| {
        Relay::start(db.clone(), table, consumers, options, plan.env.clone())
    };
    let (plain, usual) = (OutboxTable::default, RelayOptions::default);
    vec![
        start(houses.users.database(), houses.users.outbox(), Vec::new(), usual()),
        start(houses.products.database(), plain(), houses.products.consumers(), Products::relay_options()),
        start(houses.orders.database(), Orders::outbox(), houses.orders.consumers(), usual()),
        start(houses.orders.database(), plain(), Vec::new(), usual()),
        start(houses.checkout.database(), plain(), Vec::new(), usual()),
    ]
}

fn jobs(houses: &Houses, stop: &watch::Sender<bool>) -> Vec<JoinHandle<()>> {
    let (products, stopped) = (houses.products.clone(), stop.subscribe());
    let (orders, checkout) = (houses.orders.clone(), houses.checkout.clone());
    vec![
        tokio::spawn(async move { orders.run_jobs().await }),
        tokio::spawn(async move { products.run_jobs(stopped).await }),
        tokio::spawn(async move { checkout.sweep().await }),
    ]
}

/// Waits until `holds` says yes; panics with `what` if it does not soon.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let soon = tokio::time::Instant::now() + SOON;
    while !holds().await {
        assert!(tokio::time::Instant::now() < soon, "{what}: not within {SOON:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

//! The one place that knows which service runs where: it hands each the others, in this process or over the wire.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use shoal_checkout::Checkout;
use shoal_contract::users::{self, Users as UserService};
use shoal_contract::{checkout, orders, products};
use shoal_exchange::Targets;
use shoal_gateway::{Media, MediaFolder, Pages, Services};
use shoal_net::http::{Health, Metrics, Server};
use shoal_net::rpc;
use shoal_orders::Orders;
use shoal_products::Products;
use shoal_queue::{OutboxTable, Relay, RelayOptions};
use shoal_sql::{Database, Source};
use shoal_types::wire::Dispatch;
use shoal_types::{Context, Env, Secret};
use shoal_users::House as Users;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{Config, Role};

/// How often old rows of the orders are removed, and how long that may take.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);
const SWEEP_WITHIN: Duration = Duration::from_secs(5 * 60);

/// The houses of this node, open, and the way to the others; nothing is served yet.
pub struct Opened {
    env: Env,
    users: Option<Arc<Users>>,
    products: Option<Products>,
    orders: Option<Orders>,
    checkout: Option<Checkout>,
    services: Services,
}

impl Opened {
    /// Opens the houses of the configured roles on the configured data.
    ///
    /// # Errors
    /// Says which house cannot be opened and why, or which service is neither here nor at a known address.
    pub async fn open(config: &Config, env: Env) -> anyhow::Result<Self> {
        let mut opened = Self {
            users: None,
            products: None,
            orders: None,
            checkout: None,
            services: elsewhere(config, &env)?,
            env,
        };
        let result = opened.open_houses(config).await;
        if result.is_err() {
            opened.close().await;
        }
        result.map(|()| opened)
    }

    async fn open_houses(&mut self, config: &Config) -> anyhow::Result<()> {
        let (data, env, roles) = (&config.data, self.env.clone(), &config.roles);
        if roles.has(Role::Users) {
            let house = Users::open(data, users_options(config), env.clone())
                .await
                .with_context(|| cannot("users", data))?;
            self.services.users = Some(house.clone());
            self.users = Some(house);
        }
        if roles.has(Role::Products) {
            let options = shoal_products::Options::new(data, config.currency);
            let house =
                Products::open(options, env.clone()).await.with_context(|| cannot("products", data))?;
            self.services.products = Some(Arc::new(house.clone()));
            self.products = Some(house);
        }
        if roles.has(Role::Orders) {
            let options = shoal_orders::Options::new(data, config.currency);
            let products = needed(&self.services.products, "orders", "products")?;
            let house =
                Orders::open(options, env.clone(), products).await.with_context(|| cannot("orders", data))?;
            self.services.orders = Some(Arc::new(house.clone()));
            self.orders = Some(house);
        }
        if roles.has(Role::Checkout) {
            let orders = needed(&self.services.orders, "checkout", "orders")?;
            let products = needed(&self.services.products, "checkout", "products")?;
            let options = checkout_options(config, &env);
            let house = Checkout::open(options, env, orders, products, Vec::new()).await;
            let house = house.with_context(|| cannot("checkout", data))?;
            self.services.checkouts = Some(Arc::new(house.clone()));
            self.checkout = Some(house);
        }
        Ok(())
    }

    /// The services, wherever they run.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// The user service.
    ///
    /// # Errors
    /// If it is neither here nor at a known address.
    pub fn users(&self) -> anyhow::Result<Arc<dyn UserService>> {
        needed(&self.services.users, "this command", "users")
    }

    /// The services that imports go to.
    ///
    /// # Errors
    /// If one is neither here nor at a known address.
    pub fn targets(&self) -> anyhow::Result<Targets> {
        Ok(Targets {
            users: self.users()?,
            products: needed(&self.services.products, "this command", "products")?,
            orders: needed(&self.services.orders, "this command", "orders")?,
        })
    }

    /// Starts what the houses do by themselves: telling each other, cleaning up, taking up what was left behind.
    ///
    /// # Errors
    /// If the sagas that a crash left behind cannot be read.
    pub async fn start(&self) -> anyhow::Result<Background> {
        let mut background = Background::default();
        if let Some(house) = self.users.clone() {
            background.relay(house.database(), house.outbox(), &self.env);
            background.job(async move { house.run_jobs().await });
        }
        if let Some(house) = self.products.clone() {
            let relay = Relay::start(
                house.database().clone(),
                OutboxTable::default(),
                house.consumers(),
                Products::relay_options(),
                self.env.clone(),
            );
            background.relays.push(relay);
            let stop = background.stop.subscribe();
            background.job(async move { house.run_jobs(stop).await });
        }
        if let Some(house) = self.orders.clone() {
            background.relay(house.database(), Orders::outbox(), &self.env);
            background.job(sweep_orders(house, self.env.clone()));
        }
        if let Some(house) = self.checkout.clone() {
            background.relay(house.database(), OutboxTable::default(), &self.env);
            let recovered = house.recover().await.context("unfinished checkouts cannot be read")?;
            if recovered > 0 {
                tracing::info!(recovered, "checkouts left behind by an earlier run go on");
            }
            background.job(async move { house.sweep().await });
        }
        Ok(background)
    }

    /// What answers calls of other nodes.
    fn dispatchers(&self) -> Vec<Arc<dyn Dispatch>> {
        let mut all: Vec<Arc<dyn Dispatch>> = Vec::new();
        if let Some(house) = &self.users {
            all.push(Arc::new(users::Local::new(house.clone())));
        }
        if let Some(house) = &self.products {
            all.push(Arc::new(products::Local::new(Arc::new(house.clone()))));
        }
        if let Some(house) = &self.orders {
            all.push(Arc::new(orders::Local::new(Arc::new(house.clone()))));
        }
        if let Some(house) = &self.checkout {
            all.push(Arc::new(checkout::Local::new(Arc::new(house.clone()))));
        }
        all
    }

    /// Finishes what is under way and closes the houses, those that call before those that are called.
    pub async fn close(&self) {
        if let Some(house) = &self.checkout {
            house.close().await;
        }
        if let Some(house) = &self.orders {
            house.close().await;
        }
        if let Some(house) = &self.products {
            house.close().await;
        }
        if let Some(house) = &self.users {
            house.database().close().await;
        }
    }
}

/// What runs beside the requests.
#[derive(Default)]
pub struct Background {
    stop: watch::Sender<bool>,
    relays: Vec<Relay>,
    jobs: Vec<JoinHandle<()>>,
}

impl Background {
    /// Marks the house's events as told; nobody hears them yet.
    fn relay(&mut self, db: &Database, table: OutboxTable, env: &Env) {
        self.relays.push(Relay::start(db.clone(), table, Vec::new(), RelayOptions::default(), env.clone()));
    }

    fn job(&mut self, job: impl Future<Output = ()> + Send + 'static) {
        self.jobs.push(tokio::spawn(job));
    }

    /// Ends the jobs, which may be stopped anywhere, and lets the relays finish their batch.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.jobs.iter().for_each(JoinHandle::abort);
        for relay in self.relays {
            relay.stop().await;
        }
    }
}

/// A node that serves.
pub struct Node {
    opened: Opened,
    background: Background,
    stop: watch::Sender<bool>,
    http: Option<(SocketAddr, JoinHandle<bool>)>,
    peers: Option<(SocketAddr, JoinHandle<()>)>,
}

impl Node {
    /// Opens the configured houses and serves.
    ///
    /// # Errors
    /// As [`Opened::open`] and [`Node::serve`].
    pub async fn start(config: &Config, env: Env) -> anyhow::Result<Self> {
        let media =
            (!config.gateway.media.as_os_str().is_empty()).then(|| MediaFolder::new(&config.gateway.media));
        Self::serve(Opened::open(config, env).await?, config, media).await
    }

    /// Serves what is open. `media` is shown at `/media`.
    ///
    /// # Errors
    /// If an address cannot be listened on. What was opened is closed again.
    pub async fn serve(opened: Opened, config: &Config, media: Option<impl Media>) -> anyhow::Result<Self> {
        let media = media.map(|media| Arc::new(media) as Arc<dyn Media>);
        let background = opened.start().await?;
        let mut node = Self { opened, background, stop: watch::Sender::new(false), http: None, peers: None };
        match node.listen(config, media).await {
            Ok(()) => Ok(node),
            Err(error) => {
                node.stop().await;
                Err(error)
            }
        }
    }

    async fn listen(&mut self, config: &Config, media: Option<Arc<dyn Media>>) -> anyhow::Result<()> {
        let env = self.opened.env.clone();
        if !config.peers.listen.is_empty() {
            let services = rpc::Services::new(env.clone(), self.opened.dispatchers());
            let server = rpc::Server::bind(&config.peers.listen, services).await.context("peers.listen")?;
            let address = server.address();
            let served = tokio::spawn(server.run(told(&self.stop), config.http.drain_timeout));
            self.peers = Some((address, served));
            tracing::info!(%address, "answering other nodes");
        }
        if config.roles.has(Role::Gateway) {
            let (health, metrics) = (Health::new(), Metrics::install());
            let server = Server::bind(config.http.clone(), health.clone()).await.context("http.listen")?;
            let address = server.address();
            let pages = pages(config, &env, &self.opened.services, media.clone());
            let options = shoal_gateway::Options {
                pages,
                ..gateway_options(config, env, media, health.clone(), metrics)
            };
            let router = shoal_gateway::router(self.opened.services.clone(), options);
            let served = tokio::spawn(server.run(router, told(&self.stop)));
            health.ready();
            self.http = Some((address, served));
            tracing::info!(%address, "serving the public API");
        }
        if self.http.is_none() && self.peers.is_none() {
            bail!(
                "this node would answer nobody: add the role gateway, or say where others reach it with peers.listen"
            );
        }
        Ok(())
    }

    /// Where the public API is served, if this node has the role.
    pub fn address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(|(address, _)| *address)
    }

    /// Where other nodes are answered, if they are.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.peers.as_ref().map(|(address, _)| *address)
    }

    /// The houses and services behind it.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Drains: not ready, requests in flight finished, checkouts under way brought to a stop, data closed. Gives
    /// whether every request was answered in time.
    pub async fn stop(self) -> bool {
        self.stop.send_replace(true);
        let mut in_time = true;
        if let Some((_, served)) = self.http {
            in_time = served.await.unwrap_or(false);
        }
        if let Some((_, served)) = self.peers {
            // A panic in it was logged where it happened; the data is closed all the same.
            let _ = served.await;
        }
        self.background.stop().await;
        self.opened.close().await;
        in_time
    }
}

/// Resolves once the node is told to stop.
fn told(stop: &watch::Sender<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stop = stop.subscribe();
    async move {
        // The sender lives as long as the node; without it there is nothing to serve either.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}

/// Removes old carts and answers, now and then.
async fn sweep_orders(house: Orders, env: Env) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        if let Err(error) = house.sweep(&Context::system(&env, SWEEP_WITHIN)).await {
            tracing::warn!(%error, "old carts could not be removed; the next sweep tries again");
        }
    }
}

/// The services that have an address in the configuration.
fn elsewhere(config: &Config, env: &Env) -> anyhow::Result<Services> {
    let client = |addresses: &[String], key: &str| {
        let client = rpc::Client::plain(env.clone(), addresses).with_context(|| format!("peers.{key}"))?;
        anyhow::Ok((!addresses.is_empty()).then(|| Arc::new(client)))
    };
    let peers = &config.peers;
    let mut services = Services::default();
    if let Some(client) = client(&peers.users, "users")? {
        services.users = Some(Arc::new(users::Remote::new(client)));
    }
    if let Some(client) = client(&peers.products, "products")? {
        services.products = Some(Arc::new(products::Remote::new(client)));
    }
    if let Some(client) = client(&peers.orders, "orders")? {
        services.orders = Some(Arc::new(orders::Remote::new(client)));
    }
    if let Some(client) = client(&peers.checkout, "checkout")? {
        services.checkouts = Some(Arc::new(checkout::Remote::new(client)));
    }
    Ok(services)
}

fn needed<T: ?Sized>(service: &Option<Arc<T>>, who: &str, what: &str) -> anyhow::Result<Arc<T>> {
    let missing = || format!("{who} needs {what}: add it to roles, or say where it runs with peers.{what}");
    service.clone().with_context(missing)
}

fn cannot(house: &str, data: &Source) -> String {
    format!("the data of {house} in {data} cannot be opened")
}

fn users_options(config: &Config) -> shoal_users::Options {
    let mut options =
        shoal_users::Options { session_life: config.users.session_lifetime, ..Default::default() };
    if config.users.hashes_max > 0 {
        options.passwords.hashes_max = config.users.hashes_max;
    }
    options
}

fn checkout_options(config: &Config, env: &Env) -> shoal_checkout::Options {
    let secret = match config.checkout.webhook_secret.expose() {
        // Nobody knows it, so every notice is refused until one is configured.
        "" => Secret::new(hex::encode(env.rng().token())),
        _ => config.checkout.webhook_secret.clone(),
    };
    let options = shoal_checkout::Options::new(&config.data, secret);
    shoal_checkout::Options {
        confirm_within: config.checkout.confirm_within,
        test_provider: config.checkout.test_provider,
        ..options
    }
}

fn gateway_options(
    config: &Config,
    env: Env,
    media: Option<Arc<dyn Media>>,
    health: Health,
    metrics: Option<Metrics>,
) -> shoal_gateway::Options {
    shoal_gateway::Options {
        http: config.http.clone(),
        currency: config.currency,
        overview_timeout: config.gateway.overview_timeout,
        docs: config.gateway.docs,
        media,
        health,
        metrics,
        ..shoal_gateway::Options::new(env)
    }
}

/// The storefront, if it is wanted and every service behind it is known.
fn pages(config: &Config, env: &Env, services: &Services, media: Option<Arc<dyn Media>>) -> Option<Pages> {
    if !config.web.enabled {
        return None;
    }
    let (Some(users), Some(products), Some(orders), Some(checkouts)) =
        (&services.users, &services.products, &services.orders, &services.checkouts)
    else {
        tracing::warn!(
            "no storefront: it needs users, products, orders and checkout, here or at a known address"
        );
        return None;
    };
    let services = shoal_web::Services {
        users: users.clone(),
        products: products.clone(),
        orders: orders.clone(),
        checkouts: checkouts.clone(),
    };
    let options = shoal_web::Options {
        tagline: config.web.tagline.clone(),
        currency: config.currency,
        test_provider: config.checkout.test_provider,
        session_lifetime: config.users.session_lifetime,
        trusted_proxies: config.http.trusted_proxies.clone(),
        pictures: Arc::new(move |name| media.as_ref().is_some_and(|media| media.has(name))),
        ..shoal_web::Options::new(env.clone(), &config.web.name)
    };
    let shoal_web::Storefront { routes, front, rules } = shoal_web::storefront(services, options);
    Some(Pages { routes, front, rules })
}

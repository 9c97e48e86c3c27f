//! The one place that knows which service runs where: it hands each the others, in this process or over the wire.

use std::sync::Arc;

use anyhow::Context as _;
use shoal_checkout::Checkout;
use shoal_contract::users::{self, Users as UserService};
use shoal_contract::{checkout, deliveries as contract_deliveries, notifications, orders, products};
use shoal_exchange::Targets;
use shoal_gateway::Services;
use shoal_net::http::Health;
use shoal_notifications::{House as Notifications, Mailer};
use shoal_orders::Orders;
use shoal_products::Products;
use shoal_queue::nats::Subscription;
use shoal_queue::{Consumer, OutboxTable, Relay, RelayOptions};
use shoal_sql::{Database, Source};
use shoal_types::wire::Dispatch;
use shoal_types::{Env, Secret};
use shoal_users::House as Users;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::carriage::{Carriage, Speaker};
use crate::cluster::{Membership, watch_losses};
use crate::config::{Config, QueueConfig, Role};
use crate::deliveries::{self, Post};
use crate::hearing::Ears;

/// The houses of this node, open, and the way to the others; nothing is served yet.
pub struct Opened {
    env: Env,
    users: Option<Arc<Users>>,
    products: Option<Products>,
    orders: Option<Orders>,
    checkout: Option<Checkout>,
    notifications: Option<Arc<Notifications>>,
    services: Services,
    queue: QueueConfig,
}

impl Opened {
    /// Opens the houses of the configured roles on the configured data, without other nodes.
    ///
    /// # Errors
    /// Says which house cannot be opened and why, or which service is not here.
    pub async fn open(config: &Config, env: Env) -> anyhow::Result<Self> {
        Self::with(config, Services::default(), env).await
    }

    /// The same, with the services of the other nodes of a cluster; those that are here are preferred.
    pub(crate) async fn among(config: &Config, membership: &Membership, env: Env) -> anyhow::Result<Self> {
        let client = membership.client();
        let services = Services {
            users: Some(Arc::new(users::Remote::new(client.clone()))),
            products: Some(Arc::new(products::Remote::new(client.clone()))),
            orders: Some(Arc::new(orders::Remote::new(client.clone()))),
            checkouts: Some(Arc::new(checkout::Remote::new(client.clone()))),
            notifications: Some(Arc::new(notifications::Remote::new(client))),
            ..Services::default()
        };
        Self::with(config, services, env).await
    }

    async fn with(config: &Config, services: Services, env: Env) -> anyhow::Result<Self> {
        let mut opened = Self {
            users: None,
            products: None,
            orders: None,
            checkout: None,
            notifications: None,
            services,
            queue: config.queue.clone(),
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
            let options = shoal_products::Options { low_stock: config.products.low_stock.into(), ..options };
            let house =
                Products::open(options, env.clone()).await.with_context(|| cannot("products", data))?;
            self.services.products = Some(Arc::new(house.clone()));
            self.products = Some(house);
        }
        if roles.has(Role::Orders) {
            let options = shoal_orders::Options {
                abandoned_after: config.orders.abandoned_after,
                zone: config.orders.time_zone.clone(),
                ..shoal_orders::Options::new(data, config.currency)
            };
            let products = needed(&self.services.products, "orders", "products")?;
            let house =
                Orders::open(options, env.clone(), products).await.with_context(|| cannot("orders", data))?;
            self.services.orders = Some(Arc::new(house.clone()));
            self.orders = Some(house);
        }
        if roles.has(Role::Notifications) {
            let users = needed(&self.services.users, "notifications", "users")?;
            let orders = needed(&self.services.orders, "notifications", "orders")?;
            let options = shoal_notifications::Options {
                mail: mailer(config)?,
                webhooks: config.webhooks.clone(),
                ..shoal_notifications::Options::new(data)
            };
            let house = Notifications::open(options, env.clone(), users, orders).await;
            let house = house.with_context(|| cannot("notifications", data))?;
            self.services.notifications = Some(house.clone());
            self.notifications = Some(house);
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
    /// If it is not here and this node is on its own.
    pub fn users(&self) -> anyhow::Result<Arc<dyn UserService>> {
        needed(&self.services.users, "this command", "users")
    }

    /// The services that imports go to.
    ///
    /// # Errors
    /// If one is not here and this node is on its own.
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
    /// If the sagas that a crash left behind cannot be read; what is wrong with the queue that does not mend itself.
    pub async fn start(&self) -> anyhow::Result<Background> {
        let carriage = Carriage::open(&self.queue, &self.env).await?;
        let mut background = Background::default();
        if let Some(house) = self.users.clone() {
            let speaker = self.speaker(house.database(), house.outbox());
            background.relays.extend(carriage.relays(speaker));
            background.job(async move { house.run_jobs().await });
        }
        if let Some(house) = self.products.clone() {
            let speaker = Speaker {
                options: Products::relay_options(),
                near: house.consumers(),
                ..self.speaker(house.database(), OutboxTable::default())
            };
            background.relays.extend(carriage.relays(speaker));
            let stop = background.stop.subscribe();
            background.job(async move { house.run_jobs(stop).await });
        }
        if let Some(house) = self.orders.clone() {
            let sales = house.consumers();
            for consumer in &sales {
                background.subscriptions.extend(carriage.subscription(house.database(), consumer.clone()));
            }
            let far = sales.into_iter().chain(self.ears()).collect();
            let speaker = Speaker { far, ..self.speaker(house.database(), Orders::outbox()) };
            background.relays.extend(carriage.relays(speaker));
            // What is said of carts.
            let speaker = self.speaker(house.database(), OutboxTable::default());
            background.relays.extend(carriage.relays(speaker));
            background.job(async move { house.run_jobs().await });
        }
        if let Some(house) = self.checkout.clone() {
            let speaker = self.speaker(house.database(), OutboxTable::default());
            background.relays.extend(carriage.relays(speaker));
            let recovered = house.recover().await.context("unfinished checkouts cannot be read")?;
            if recovered > 0 {
                tracing::info!(recovered, "checkouts left behind by an earlier run go on");
            }
            background.job(async move { house.sweep().await });
        }
        if let Some(house) = self.notifications.clone() {
            let ears = Arc::new(Ears::new(house.clone()));
            background.subscriptions.extend(carriage.subscription(house.database(), ears));
            let stop = background.stop.subscribe();
            background.ending.push(tokio::spawn(house.clone().run_webhooks(stop.clone())));
            background.ending.push(tokio::spawn(house.clone().run_mails(stop)));
            background.job(async move { house.run_jobs().await });
        }
        background.carriage = Some(carriage);
        Ok(background)
    }

    /// A house whose events all may hear.
    fn speaker<'h>(&self, db: &'h Database, table: OutboxTable) -> Speaker<'h> {
        Speaker { db, table, options: RelayOptions::default(), near: Vec::new(), far: self.ears() }
    }

    /// Who hears what the houses here say.
    fn ears(&self) -> Vec<Arc<dyn Consumer>> {
        let ears = self.services.notifications.clone().map(Ears::new);
        ears.into_iter().map(|ears| Arc::new(ears) as _).collect()
    }

    /// Has the checkouts of a node that is lost looked for as soon as that is known.
    pub(crate) fn heed_losses(&self, membership: &Membership, background: &mut Background) {
        if let Some(house) = self.checkout.clone() {
            let directory = membership.directory();
            background.job(async move {
                watch_losses(directory, Role::Checkout.as_str(), || house.node_lost()).await;
            });
        }
    }

    /// Who says what became of the events of the houses here.
    pub(crate) fn post(&self) -> Post {
        let mut houses = Vec::new();
        let mut add = |db: &Database, tables: Vec<OutboxTable>, own: Vec<Arc<dyn Consumer>>| {
            let consumers = own.into_iter().chain(self.ears()).collect();
            houses.push(deliveries::House { db: db.clone(), tables, consumers });
        };
        if let Some(house) = &self.users {
            add(house.database(), vec![house.outbox()], Vec::new());
        }
        if let Some(house) = &self.products {
            let consumers = house.consumers();
            // Who is in the process may hear of events before the queue does.
            let [table, _] = OutboxTable::in_two_steps();
            let table = if consumers.is_empty() { OutboxTable::default() } else { table };
            add(house.database(), vec![table], consumers);
        }
        if let Some(house) = &self.orders {
            let tables = vec![Orders::outbox(), OutboxTable::default()];
            add(house.database(), tables, house.consumers());
        }
        if let Some(house) = &self.checkout {
            add(house.database(), vec![OutboxTable::default()], Vec::new());
        }
        if let Some(house) = &self.notifications {
            add(house.database(), vec![OutboxTable::default()], Vec::new());
        }
        Post { houses, env: self.env.clone() }
    }

    /// Counts the checkouts that this node drives.
    pub(crate) fn leases(&self) -> Box<dyn Fn() -> u64 + Send + Sync> {
        match self.checkout.clone() {
            Some(house) => Box::new(move || house.under_way() as u64),
            None => Box::new(|| 0),
        }
    }

    /// Time and randomness.
    pub(crate) fn env(&self) -> &Env {
        &self.env
    }

    /// What answers calls of other nodes.
    pub(crate) fn dispatchers(&self) -> Vec<Arc<dyn Dispatch>> {
        let post = contract_deliveries::Local::new(Arc::new(self.post()));
        let mut all: Vec<Arc<dyn Dispatch>> = vec![Arc::new(post)];
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
        if let Some(house) = &self.notifications {
            all.push(Arc::new(notifications::Local::new(house.clone())));
        }
        all
    }

    /// Finishes what is under way and closes the houses, those that call before those that are called.
    pub async fn close(&self) {
        if let Some(house) = &self.checkout {
            house.close().await;
        }
        if let Some(house) = &self.notifications {
            house.database().close().await;
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
    carriage: Option<Carriage>,
    relays: Vec<Relay>,
    subscriptions: Vec<Subscription>,
    jobs: Vec<JoinHandle<()>>,
    /// Jobs that finish what they are at when they are told to stop.
    ending: Vec<JoinHandle<()>>,
}

impl Background {
    /// Says at `/readyz` what is away.
    pub(crate) fn watch(&mut self, health: Health) {
        if let Some(carriage) = &self.carriage {
            let watched = carriage.watch(health);
            self.job(watched);
        }
    }

    pub(crate) fn job(&mut self, job: impl Future<Output = ()> + Send + 'static) {
        self.jobs.push(tokio::spawn(job));
    }

    /// Ends the jobs that may be stopped anywhere, and lets the others and the relays finish what they are at.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.jobs.iter().for_each(JoinHandle::abort);
        for subscription in self.subscriptions {
            subscription.stop().await;
        }
        for relay in self.relays {
            relay.stop().await;
        }
        for job in self.ending {
            if let Err(error) = job.await {
                tracing::error!(%error, "a job had panicked");
            }
        }
    }
}

fn needed<T: ?Sized>(service: &Option<Arc<T>>, who: &str, what: &str) -> anyhow::Result<Arc<T>> {
    let missing = || format!("{who} needs {what}: add it to roles, or join a cluster that has it");
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

fn mailer(config: &Config) -> anyhow::Result<Option<Arc<Mailer>>> {
    if !config.mail.is_on() {
        return Ok(None);
    }
    let mailer = Mailer::new(&config.mail_options()).context("no mail can be sent")?;
    Ok(Some(Arc::new(mailer)))
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

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use shoal_sql::testing::Place;
use shoal_sql::{Durability, Engine, Source};
use shoal_types::{Clock, Context, Env, Id, Noun, Secret, SystemClock, SystemRng, Timestamp};

use crate::books::Books;
use crate::client::{Answer, Client, Whereabouts};
use crate::houses::{Houses, Running, eventually};
use crate::mishap::Mishaps;
use crate::shopping::{NewItem, PASSWORD};

/// How long a test waits for something that should happen soon.
pub const SOON: Duration = Duration::from_secs(20);

/// A shop in which no statement ran for so long is quiet.
const QUIET: Duration = Duration::from_millis(30);
/// An index that follows several nodes rests that long between two looks.
const REST: Duration = Duration::from_millis(400);

/// How a shop is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What an answered write survives; a crash of the process only, unless said.
    pub durability: Durability,
    /// How long a saga is left to its owner.
    pub lease: Duration,
    /// How often sagas left behind are looked for.
    pub sweep_every: Duration,
    /// How long a buyer has to confirm a payment at the provider.
    pub confirm_within: Duration,
    /// How long a login lasts.
    pub session_life: Duration,
    /// How long a session is trusted before it is read again.
    pub session_trusted: Duration,
    /// Whether events are carried to those who hear them.
    pub relays: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            durability: Durability::Process,
            lease: Duration::from_secs(60),
            sweep_every: Duration::from_millis(50),
            confirm_within: Duration::from_secs(30 * 60),
            session_life: Duration::from_secs(24 * 60 * 60),
            session_trusted: Duration::from_secs(1),
            relays: true,
        }
    }
}

/// The machine's clock, which a test may put forward.
#[derive(Debug, Default)]
pub(crate) struct Tide(AtomicI64);

impl Clock for Tide {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock.now().as_micros() + self.0.load(Ordering::SeqCst))
    }
}

/// A whole shop in this process, on data of its own: every house, its jobs and relays, and the gateway on a free
/// port. The calls between its parts travel encoded, as between nodes, and a test may spoil them: [`Shop::mishaps`].
///
/// It is a [`Client`] too: a guest's.
pub struct Shop {
    guest: Client,
    staff: Option<Client>,
    mishaps: Mishaps,
    tide: Arc<Tide>,
    whereabouts: Whereabouts,
    running: Option<Running>,
    pub(crate) blueprint: Blueprint,
    place: Arc<Place>,
}

/// What every run of a shop has in common.
#[derive(Clone)]
pub(crate) struct Blueprint {
    pub(crate) data: Source,
    pub(crate) setup: Setup,
    pub(crate) env: Env,
    pub(crate) mishaps: Mishaps,
    pub(crate) webhook_secret: Secret,
}

impl Deref for Shop {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.guest
    }
}

impl Shop {
    /// Opens a shop that ships everywhere for 4.90 EUR and has 19 % tax in its prices.
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    /// Opens a shop that is set up so.
    pub async fn with(setup: Setup) -> Self {
        let place = Arc::new(place().await);
        let (tide, mishaps, whereabouts) =
            (Arc::<Tide>::default(), Mishaps::default(), Whereabouts::default());
        let blueprint = Blueprint {
            data: place.source().clone(),
            setup,
            env: Env::new(tide.clone(), Arc::new(SystemRng)),
            mishaps: mishaps.clone(),
            webhook_secret: Secret::new("the test provider's own"),
        };
        let guest = Client::new(whereabouts.clone());
        let mut shop =
            Self { guest, staff: None, mishaps, tide, whereabouts, running: None, blueprint, place };
        shop.open().await;
        shop.furnish().await;
        shop
    }

    /// Another node of this shop, over the same data and by the same clock, with mishaps of its own. None where data has
    /// one owner.
    pub async fn another(&self) -> Option<Self> {
        if self.place.engine() == Engine::Sqlite {
            return None;
        }
        let (mishaps, whereabouts) = (Mishaps::default(), Whereabouts::default());
        let mut other = Self {
            guest: Client::new(whereabouts.clone()),
            staff: None,
            mishaps: mishaps.clone(),
            tide: Arc::clone(&self.tide),
            whereabouts,
            running: None,
            blueprint: Blueprint { mishaps, ..self.blueprint.clone() },
            place: Arc::clone(&self.place),
        };
        other.open().await;
        other.staff = Some(other.at_home(self.staff()));
        Some(other)
    }

    /// The same caller, at this node.
    pub fn at_home(&self, client: &Client) -> Client {
        client.token().map_or_else(|| self.guest.clone(), |token| self.guest.with_token(token))
    }

    async fn open(&mut self) {
        let running = Running::start(self.blueprint.clone()).await;
        self.whereabouts.moved_to(running.address());
        self.running = Some(running);
    }

    /// An administrator, a way to ship, a tax.
    async fn furnish(&mut self) {
        self.houses().add_administrator(&self.context()).await;
        let staff = self.guest.log_in(crate::houses::ADMINISTRATOR, PASSWORD).await;
        furnish(&staff).await;
        self.staff = Some(staff);
    }

    /// Somebody who may change everything.
    pub fn staff(&self) -> &Client {
        self.staff.as_ref().expect("a shop that has started has staff")
    }

    /// A new customer, logged in.
    pub async fn customer(&self, name: &str) -> Client {
        self.guest.register(name).await
    }

    /// A product to be made by staff.
    pub fn product(&self, name: &str) -> NewItem {
        self.staff().product(name)
    }

    /// What goes wrong with the calls between its parts.
    pub fn mishaps(&self) -> &Mishaps {
        &self.mishaps
    }

    /// The houses, to be called without the API.
    pub fn houses(&self) -> &Houses {
        self.running.as_ref().expect("the shop is open").houses()
    }

    /// Where its data is, in the words of `--data`.
    pub fn data(&self) -> &str {
        self.place.address()
    }

    /// A context of Shoal's own work.
    pub fn context(&self) -> Context {
        Context::system(&self.blueprint.env, SOON)
    }

    /// A new id.
    pub fn id<T: Noun>(&self) -> Id<T> {
        self.blueprint.env.id()
    }

    /// The time in the shop.
    pub fn now(&self) -> Timestamp {
        self.blueprint.env.now()
    }

    /// Puts the shop's clock forward.
    pub fn advance(&self, by: Duration) {
        let us = i64::try_from(by.as_micros()).expect("a test waits less than the age of the world");
        self.tide.0.fetch_add(us, Ordering::SeqCst);
    }

    /// How long a saga is left to its owner.
    pub fn lease(&self) -> Duration {
        self.blueprint.setup.lease
    }

    /// The engine that holds its data.
    pub fn engine(&self) -> Engine {
        self.place.engine()
    }

    /// As [`Client::notice`], with the secret of this shop's provider.
    pub async fn notice(&self, event: &str, kind: &str, begun: &Answer) -> Answer {
        self.guest.notice(&self.blueprint.webhook_secret, event, kind, begun).await
    }

    /// Closes the shop in good order and opens it again on the same data.
    pub async fn restart(&mut self) {
        self.running.take().expect("the shop is open").close().await;
        self.open().await;
    }

    /// Ends the shop as a crash does: no task goes on, nothing is finished. [`Shop::reopen`] opens it again.
    pub async fn abandon(&mut self) {
        self.running.take().expect("the shop is open").abandon().await;
    }

    /// Another place with the data that an abandoned shop left.
    pub async fn copy_of_data(&self) -> Place {
        assert!(self.running.is_none(), "the shop is open");
        self.place.copied().await.expect("the data can be copied")
    }

    /// Opens an abandoned shop on the data it left. Where another node might hold its sagas, their leases are over.
    pub async fn reopen(&mut self) {
        assert!(self.running.is_none(), "the shop is open");
        if self.place.engine() == Engine::Postgres {
            self.advance(self.lease());
        }
        self.open().await;
    }

    /// Waits until the houses have nothing left to do: every event is carried, no statement runs for a while.
    pub async fn quiet(&self) {
        let (relays, books) = (self.blueprint.setup.relays, Books::open(self.data()));
        let statements = || self.houses().counters().map(|counters| counters.statements);
        let mut before = statements();
        if self.engine() == Engine::Postgres {
            tokio::time::sleep(REST).await;
        }
        eventually("the shop is quiet", async || {
            tokio::time::sleep(QUIET).await;
            let now = statements();
            std::mem::replace(&mut before, now) == now && !(relays && books.events_waiting() > 0)
        })
        .await;
    }

    /// Waits until no saga is under way, then looks through the books; panics if they do not balance.
    pub async fn audit(&self) -> Books {
        Books::settled(self.data(), SOON).await
    }
}

impl Shop {
    /// As [`Shop::audit`], once `ready` says that what the test waits for has happened.
    pub async fn audit_when(&self, ready: impl Fn(&Books) -> bool) -> Books {
        let books = Books::open(self.data());
        eventually("what the test waits for", async || ready(&books)).await;
        self.audit().await
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.forget();
        }
    }
}

/// Sets a shop's shipping and tax.
pub async fn furnish(staff: &Client) {
    let everywhere: Value = json!({"shipping_zones": [{
        "zone": "Everywhere", "countries": ["*"],
        "methods": [{"code": "standard", "title": "Standard", "currency": "EUR",
            "rate": {"kind": "flat", "amount": 490}}],
    }]});
    staff.put("/v1/settings/shipping-zones", &everywhere).await.expect(200);
    let tax = json!({"tax_rates": [
        {"country": "DE", "category": "standard", "rate_bp": 1900, "included": true},
    ]});
    staff.put("/v1/settings/tax-rates", &tax).await.expect(200);
}

/// A fresh place for the data of a whole shop, on the engine under test.
pub async fn place() -> Place {
    let houses = [
        ("users", shoal_users::MIGRATIONS),
        ("products", shoal_products::MIGRATIONS),
        ("orders", shoal_orders::MIGRATIONS),
        ("checkout", shoal_checkout::MIGRATIONS),
        ("test-provider", shoal_checkout::TEST_PROVIDER_MIGRATIONS),
    ];
    Place::migrated(&houses, &Env::system()).await.expect("a place for the data")
}

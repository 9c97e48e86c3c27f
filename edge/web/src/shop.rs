use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use shoal_contract::checkout::Checkouts;
use shoal_contract::orders::Orders;
use shoal_contract::products::Products;
use shoal_contract::users::Users;
use shoal_types::{Currency, Env};

/// The services behind the pages, each in this process or elsewhere.
#[derive(Clone)]
pub struct Services {
    /// Accounts and sessions.
    pub users: Arc<dyn Users>,
    /// Catalogue, stock, search.
    pub products: Arc<dyn Products>,
    /// Carts and orders.
    pub orders: Arc<dyn Orders>,
    /// Checkouts and payments.
    pub checkouts: Arc<dyn Checkouts>,
}

/// Tells whether there is a file of that name under `/media`.
pub type Pictures = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What the storefront is given besides the services.
#[derive(Clone)]
pub struct Options {
    /// Time and randomness.
    pub env: Env,
    /// The shop's name.
    pub name: String,
    /// What it says of itself, in a few words.
    pub tagline: String,
    /// What prices are shown in.
    pub currency: Currency,
    /// Whether the test provider takes payments: its cards are offered, and each page says that it is a trial.
    pub test_provider: bool,
    /// How long the cookie of a login lasts.
    pub session_lifetime: Duration,
    /// Proxies whose `X-Forwarded-Proto` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Finds `logo.svg`, `hero.svg` and `category-SLUG.svg`; what is not there is done without.
    pub pictures: Pictures,
}

impl Options {
    /// A shop without pictures of its own, in euro, that takes no payments.
    pub fn new(env: Env, name: impl Into<String>) -> Self {
        Self {
            env,
            name: name.into(),
            tagline: String::new(),
            currency: Currency::EUR,
            test_provider: false,
            session_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
            trusted_proxies: Vec::new(),
            pictures: Arc::new(|_| false),
        }
    }
}

/// What every handler holds. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shop(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) options: Options,
    services: Services,
}

impl Deref for Shop {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Shop {
    pub(crate) fn new(services: Services, options: Options) -> Self {
        Self(Arc::new(Inner { options, services }))
    }

    pub(crate) fn users(&self) -> &dyn Users {
        &*self.services.users
    }

    pub(crate) fn products(&self) -> &dyn Products {
        &*self.services.products
    }

    pub(crate) fn orders(&self) -> &dyn Orders {
        &*self.services.orders
    }

    pub(crate) fn checkouts(&self) -> &dyn Checkouts {
        &*self.services.checkouts
    }

    /// The address of a picture under `/media`, if it is there.
    pub(crate) fn picture(&self, name: &str) -> Option<String> {
        (self.options.pictures)(name).then(|| format!("/media/{name}"))
    }
}

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use shoal_contract::checkout::Checkouts;
use shoal_contract::nodes::Nodes;
use shoal_contract::notifications::Notifications;
use shoal_contract::orders::Orders;
use shoal_contract::products::Products;
use shoal_contract::users::Users;
use shoal_net::http::{Health, HttpConfig, Metrics, RouteRule};
use shoal_types::{Currency, Env, Fault};

use crate::Media;
use crate::products::WrittenProducts;

/// The services behind the API, each in this process or elsewhere. One that is absent answers 503 `unavailable`.
#[derive(Clone, Default)]
pub struct Services {
    /// Accounts and sessions.
    pub users: Option<Arc<dyn Users>>,
    /// Catalogue, stock, search.
    pub products: Option<Arc<dyn Products>>,
    /// Carts and orders.
    pub orders: Option<Arc<dyn Orders>>,
    /// Checkouts and payments.
    pub checkouts: Option<Arc<dyn Checkouts>>,
    /// Mail, and what else leaves the shop.
    pub notifications: Option<Arc<dyn Notifications>>,
    /// The nodes, this one first of all.
    pub nodes: Option<Arc<dyn Nodes>>,
}

/// What the gateway is given besides the services.
#[derive(Clone)]
pub struct Options {
    /// Time and randomness.
    pub env: Env,
    /// Limits on size, time and rate, and CORS.
    pub http: HttpConfig,
    /// The shop's currency, shown at `/`.
    pub currency: Currency,
    /// How long `/v1/overview` waits for the slowest service.
    pub overview_timeout: Duration,
    /// Products kept written as JSON.
    pub products_kept_max: usize,
    /// Whether `/docs` and `/openapi.json` are served.
    pub docs: bool,
    /// Where `/media/{name}` finds its files; nowhere if absent.
    pub media: Option<Arc<dyn Media>>,
    /// What `/healthz` and `/readyz` say.
    pub health: Health,
    /// What `/metrics` shows; the route is missing if absent.
    pub metrics: Option<Metrics>,
    /// Pages for people beside the API; none if absent.
    pub pages: Option<Pages>,
}

/// Pages for people, served in the same stack as the API.
#[derive(Clone)]
pub struct Pages {
    /// Their routes: none of them the API's, and not `/`.
    pub routes: Router,
    /// What browsers get at `/`, and, as its fallback, at addresses that do not exist.
    pub front: Router,
    /// What some of the routes do differently from the others.
    pub rules: Vec<RouteRule>,
}

impl Options {
    /// Defaults that suit a laptop: euro, documentation on, no media, no metrics.
    pub fn new(env: Env) -> Self {
        Self {
            env,
            http: HttpConfig::default(),
            currency: Currency::EUR,
            overview_timeout: Duration::from_secs(2),
            products_kept_max: 10_000,
            docs: true,
            media: None,
            health: Health::new(),
            metrics: None,
            pages: None,
        }
    }
}

/// What every handler holds: the services and the options. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gateway(Arc<Inner>);

pub(crate) struct Inner {
    services: Services,
    pub(crate) options: Options,
    pub(crate) written_products: WrittenProducts,
}

impl Deref for Gateway {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Gateway {
    pub(crate) fn new(services: Services, options: Options) -> Self {
        let written_products = WrittenProducts::at_most(options.products_kept_max);
        Self(Arc::new(Inner { services, options, written_products }))
    }

    pub(crate) fn users(&self) -> Result<&dyn Users, Fault> {
        self.services.users.as_deref().ok_or_else(|| away("users"))
    }

    pub(crate) fn products(&self) -> Result<&dyn Products, Fault> {
        self.services.products.as_deref().ok_or_else(|| away("products"))
    }

    pub(crate) fn orders(&self) -> Result<&dyn Orders, Fault> {
        self.services.orders.as_deref().ok_or_else(|| away("orders"))
    }

    pub(crate) fn checkouts(&self) -> Result<&dyn Checkouts, Fault> {
        self.services.checkouts.as_deref().ok_or_else(|| away("checkout"))
    }

    pub(crate) fn notifications(&self) -> Result<&dyn Notifications, Fault> {
        self.services.notifications.as_deref().ok_or_else(|| away("notifications"))
    }

    pub(crate) fn nodes(&self) -> Result<&dyn Nodes, Fault> {
        self.services.nodes.as_deref().ok_or_else(|| away("nodes"))
    }
}

/// The same words as when the service exists and cannot be reached: clients need not tell the two apart.
fn away(what: &str) -> Fault {
    Fault::Unavailable { what: what.to_owned() }
}

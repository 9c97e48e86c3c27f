//! The configuration: `config/default.toml`, then a file, the environment and the command line, each over the one
//! before. Unknown keys are errors; secrets are never printed.

mod data;
mod queue;
mod source;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shoal_net::http::HttpConfig;
use shoal_net::units;
use shoal_notifications::{MailOptions, WebhookOptions};
use shoal_orders::Zone;
use shoal_sql::Source;
use shoal_types::{Currency, Secret};

pub use queue::QueueConfig;
pub use source::{Loaded, Setting, Sources, load};

/// Every key of a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the node does.
    pub roles: Roles,
    /// Where the data lives.
    #[serde(with = "data")]
    pub data: Source,
    /// The shop's own currency.
    pub currency: Currency,
    /// Where events travel.
    pub queue: QueueConfig,
    /// The public API's server.
    pub http: HttpConfig,
    /// Whether the node lives and wants work.
    pub health: HealthConfig,
    /// The public API.
    pub gateway: GatewayConfig,
    /// The storefront.
    pub web: WebConfig,
    /// The user service.
    pub users: UsersConfig,
    /// The product service.
    pub products: ProductsConfig,
    /// The order service.
    pub orders: OrdersConfig,
    /// The checkout.
    pub checkout: CheckoutConfig,
    /// What programs outside are sent.
    pub webhooks: WebhookOptions,
    /// Mail.
    pub mail: MailOptions,
    /// Other nodes.
    pub cluster: ClusterConfig,
    /// Logging.
    pub log: LogConfig,
    /// Traces.
    pub telemetry: TelemetryConfig,
}

/// The public API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    /// Whether `/docs` and `/openapi.json` are served.
    pub docs: bool,
    /// How long `/v1/overview` waits for the slowest service.
    #[serde(with = "units::duration")]
    pub overview_timeout: Duration,
    /// Files under `/media`; empty for none.
    pub media: PathBuf,
}

/// The storefront.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebConfig {
    /// Whether a node with the role gateway serves the pages of the shop.
    pub enabled: bool,
    /// The shop's name.
    pub name: String,
    /// What it says of itself, in a few words.
    pub tagline: String,
}

/// The user service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsersConfig {
    /// How long a login lasts.
    #[serde(with = "units::duration")]
    pub session_lifetime: Duration,
    /// Passwords hashed at the same time; 0 takes the number of cores.
    pub hashes_max: usize,
}

/// The product service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductsConfig {
    /// Pieces from which on stock counts as low; 0 never tells of it.
    pub low_stock: u32,
}

/// The order service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrdersConfig {
    /// How long a cart with goods in it is left alone before it counts as abandoned; zero for never.
    #[serde(with = "units::duration")]
    pub abandoned_after: Duration,
    /// The time zone in which the days of the sales begin.
    pub time_zone: Zone,
}

/// The checkout.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckoutConfig {
    /// How long a buyer has to confirm a payment at the provider.
    #[serde(with = "units::duration")]
    pub confirm_within: Duration,
    /// Whether the built-in test provider takes payments.
    pub test_provider: bool,
    /// What the test provider's notices are signed with; empty draws one at start.
    pub webhook_secret: Secret,
}

/// Other nodes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterConfig {
    /// The cluster's secret, as `shoal cluster init` wrote it; empty for a node on its own.
    pub bundle: PathBuf,
    /// What people call this node; empty for its address.
    pub name: String,
    /// Where this node answers others: calls by TCP, gossip by UDP, at the same port.
    pub listen: String,
    /// Where they reach it, if elsewhere; empty for `listen`.
    pub advertise: String,
    /// Nodes to ask for the others, `host:port`.
    pub join: Vec<String>,
}

impl ClusterConfig {
    /// Whether this node is one of several.
    pub fn is_on(&self) -> bool {
        !self.bundle.as_os_str().is_empty()
    }
}

/// Whether the node lives and wants work.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthConfig {
    /// Where `/healthz`, `/readyz` and `/metrics` are served and nothing else; empty for nowhere but the public API.
    pub listen: String,
}

/// Logging.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// A level or a filter.
    pub level: String,
    /// For people or for machines.
    pub format: LogFormat,
}

/// Traces.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// The collector that takes spans by OTLP over HTTP, `http://host:port`; empty for none.
    pub otlp_endpoint: String,
    /// The share of requests that are traced, from 0.0 to 1.0.
    pub sample_ratio: f64,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: a JSON object a line.
    Json,
}

/// What a node can do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    All,
    /// The public API.
    Gateway,
    /// The user service.
    Users,
    /// The product service.
    Products,
    /// The order service.
    Orders,
    /// The checkout.
    Checkout,
    /// Mail, and what else leaves the shop.
    Notifications,
}

/// The roles of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Roles(pub Vec<Role>);

impl Role {
    /// The word: `gateway`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Gateway => "gateway",
            Self::Users => "users",
            Self::Products => "products",
            Self::Orders => "orders",
            Self::Checkout => "checkout",
            Self::Notifications => "notifications",
        }
    }
}

impl Config {
    /// How mails are sent, which call the shop as the storefront does unless they have a name of their own.
    pub fn mail_options(&self) -> MailOptions {
        let mut options = self.mail.clone();
        if options.shop_name.is_empty() {
            options.shop_name.clone_from(&self.web.name);
        }
        options
    }
}

impl Roles {
    /// Whether the node has `role`.
    pub fn has(&self, role: Role) -> bool {
        self.0.iter().any(|own| *own == role || *own == Role::All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_is_a_whole_configuration() {
        let config = load(&Sources::default()).expect("the defaults are valid").config;
        assert!(config.roles.has(Role::Checkout) && config.http.listen == "127.0.0.1:7070");
        assert_eq!(config.webhooks, WebhookOptions::default());
        assert_eq!(HttpConfig { listen: config.http.listen.clone(), ..HttpConfig::default() }, config.http);
    }
}

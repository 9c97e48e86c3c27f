use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shoal_net::outgoing::{ClientOptions, Guard, Network};
use shoal_net::units;

/// How webhooks are sent. The defaults suit a shop on the internet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookOptions {
    /// Whether this node sends any.
    pub enabled: bool,
    /// Whether endpoints may be plain `http`.
    pub allow_http: bool,
    /// Addresses that may be reached though they are not public, at any port.
    pub allow_networks: Vec<Network>,
    /// The ports that public addresses may be reached at.
    pub ports: Vec<u16>,
    /// A file of root certificates (PEM) besides the system's; empty for none.
    pub ca: PathBuf,
    /// How long an endpoint has to answer.
    #[serde(with = "units::duration")]
    pub timeout: Duration,
    /// Endpoints of the shop, at most.
    pub endpoints_max: u32,
    /// Requests of this node at the same time.
    pub requests_max: usize,
    /// Of them, those to the same endpoint; one while it fails.
    pub requests_per_endpoint: usize,
    /// How long the secret before the current one signs too.
    #[serde(with = "units::duration")]
    pub old_secret_for: Duration,
    /// How long an endpoint may fail before it is disabled.
    #[serde(with = "units::duration")]
    pub disable_after: Duration,
    /// How long it is known what became of a delivery.
    #[serde(with = "units::duration")]
    pub kept_for: Duration,
}

impl Default for WebhookOptions {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_secs(60 * 60);
        let guard = Guard::default();
        Self {
            enabled: true,
            allow_http: guard.allow_http,
            allow_networks: guard.allow_networks,
            ports: guard.ports,
            ca: PathBuf::new(),
            timeout: Duration::from_secs(15),
            endpoints_max: 50,
            requests_max: 64,
            requests_per_endpoint: 4,
            old_secret_for: 24 * HOUR,
            disable_after: 72 * HOUR,
            kept_for: 30 * 24 * HOUR,
        }
    }
}

impl WebhookOptions {
    /// Where webhooks may go.
    pub(crate) fn guard(&self) -> Guard {
        Guard {
            allow_networks: self.allow_networks.clone(),
            allow_http: self.allow_http,
            ports: self.ports.clone(),
        }
    }

    pub(crate) fn client(&self) -> ClientOptions {
        let roots = Some(self.ca.clone()).filter(|file| !file.as_os_str().is_empty());
        ClientOptions { guard: self.guard(), timeout: self.timeout, roots, ..ClientOptions::default() }
    }

    /// For how long a delivery is taken to be sent: as long as a request may take, and the noting of its outcome.
    pub(crate) fn lease(&self) -> Duration {
        self.timeout + Duration::from_secs(15)
    }
}

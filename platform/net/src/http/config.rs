use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use http::HeaderValue;
use serde::{Deserialize, Serialize};

use crate::units;

/// People wait so long rather than come again. A debug build is many times slower, and its tests come in crowds.
const PATIENCE: Duration = Duration::from_millis(if cfg!(debug_assertions) { 3_000 } else { 300 });

/// The keys of the public API's server. The defaults suit a laptop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// IP address and port to listen on; port 0 takes a free one.
    pub listen: String,
    /// A request that takes longer is answered with 504; also the deadline handed to services.
    #[serde(with = "units::duration")]
    pub request_timeout: Duration,
    /// A client that needs longer to send the headers of its first or next request is disconnected.
    #[serde(with = "units::duration")]
    pub header_timeout: Duration,
    /// How long a node that ends says 503 at `/readyz` and serves as before, so that balancers notice first.
    #[serde(with = "units::duration")]
    pub drain_delay: Duration,
    /// How long after that connections which are open may bring further requests, each answered with
    /// `Connection: close`; over as soon as none is open. Then the listener and idle connections are closed.
    #[serde(with = "units::duration")]
    pub drain_linger: Duration,
    /// How long requests in flight may go on after the listener has closed.
    #[serde(with = "units::duration")]
    pub drain_timeout: Duration,
    /// Largest request body in bytes.
    #[serde(with = "units::bytes")]
    pub body_max: usize,
    /// Connections held at a time; further ones wait to be accepted.
    pub connections_max: u32,
    /// Requests worked on at a time; further ones are answered with 503 `overloaded`.
    pub requests_max: usize,
    /// How long, beyond twice what it takes by itself, a change may take before the node takes in fewer; reads a third of
    /// it. No key: what a debug build of the program needs is not what a shop needs.
    #[serde(skip)]
    pub patience: Duration,
    /// Origins whose pages may call the API from a browser; none by default.
    pub cors_origins: Vec<Origin>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Which requests are logged at the level `info`; the others are logged at `debug`.
    pub access_log: Access,
    /// Requests allowed per caller.
    pub rate_limits: RateLimitConfig,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            request_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(30),
            drain_delay: Duration::ZERO,
            drain_linger: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(20),
            body_max: 1 << 20,
            connections_max: 10_000,
            requests_max: 1_024,
            patience: PATIENCE,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            access_log: Access::Errors,
            rate_limits: RateLimitConfig::default(),
        }
    }
}

/// Which requests the access log shows at the level `info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Those answered with a status of 400 or more.
    Errors,
    /// Every one.
    All,
}

/// How many requests a caller may make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitConfig {
    /// Whether requests are limited at all.
    pub enabled: bool,
    /// Whether requests from this machine pass unlimited. Requests of a trusted proxy count as its client's.
    pub exempt_loopback: bool,
    /// Callers remembered per class; when more are active at once, the further ones share one quota.
    pub callers_max: usize,
    /// `GET` and `HEAD`.
    pub read: QuotaConfig,
    /// All other methods.
    pub write: QuotaConfig,
    /// Routes that try secrets; counted per address, whatever token comes with them.
    pub login: QuotaConfig,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        let quota = |requests, per_s, burst| QuotaConfig {
            requests: NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN),
            per: Duration::from_secs(per_s),
            burst: NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN),
        };
        Self {
            enabled: true,
            exempt_loopback: true,
            callers_max: 100_000,
            read: quota(100, 1, 200),
            write: quota(20, 1, 40),
            login: quota(10, 60, 10),
        }
    }
}

/// `requests` each `per`, and `burst` at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaConfig {
    /// Requests in each period.
    pub requests: NonZeroU32,
    /// The period.
    #[serde(with = "units::duration")]
    pub per: Duration,
    /// Requests at once after a rest.
    pub burst: NonZeroU32,
}

/// A web origin: `https://shop.example`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(HeaderValue);

impl Origin {
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let plain = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ', '?', '#']));
        match HeaderValue::from_str(&text) {
            Ok(value) if plain => Ok(Self(value)),
            _ => Err(format!("expected an origin such as https://shop.example, not {text}")),
        }
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0.to_str().unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_reads_what_it_writes_and_refuses_unknown_keys() {
        let config = HttpConfig::default();
        let text = serde_json::to_string(&config).expect("serialises");
        assert_eq!(serde_json::from_str::<HttpConfig>(&text).expect("deserialises"), config);
        assert!(serde_json::from_str::<HttpConfig>(r#"{"lisen":"127.0.0.1:1"}"#).is_err());
        for origin in ["*", "shop.example", "https://shop.example/path"] {
            assert!(Origin::try_from(origin.to_owned()).is_err(), "{origin}");
        }
    }
}

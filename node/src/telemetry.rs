//! Spans of traces, sent to a collector if the configuration names one. Nothing waits for them: what the collector does not
//! take in time is lost, and counted.

#[cfg(feature = "otel")]
mod export;
#[cfg(not(feature = "otel"))]
#[path = "telemetry/without.rs"]
mod export;
#[cfg(feature = "otel")]
mod otlp;
#[cfg(feature = "otel")]
mod queue;

use shoal_types::{Env, NodeId};

use crate::config::Config;
use export::Export;

shoal_types::errors! {
    /// Why spans cannot be sent.
    pub enum TelemetryError {
        /// A collector is configured, but this program was built without the feature `otel`. Build it with
        /// `--features otel`, or leave `telemetry.otlp_endpoint` empty.
        NotBuilt { endpoint: String } => (Invalid, "telemetry_not_built",
            "telemetry.otlp_endpoint is {endpoint}, but this build cannot send traces: it lacks the feature otel"),
        /// The collector's address is none. It is the base that OTLP over HTTP has, without `/v1/traces`. A collector is
        /// spoken to in the clear: run it on the same machine or network, and let it encrypt what goes further.
        EndpointInvalid { endpoint: String } => (Invalid, "telemetry_endpoint_invalid",
            "telemetry.otlp_endpoint is {endpoint}: expected http://HOST:PORT, such as http://127.0.0.1:4318"),
        /// The share of traces is not between none and all.
        RatioInvalid { ratio: String } => (Invalid, "telemetry_ratio_invalid",
            "telemetry.sample_ratio is {ratio}: expected a number from 0.0 to 1.0"),
    }
}

/// The spans of one node on their way to a collector; of a node without one, nothing.
#[derive(Default)]
pub struct Telemetry(Option<Export>);

impl Telemetry {
    /// Makes ready what `telemetry` in the configuration says; sends nothing yet.
    ///
    /// # Errors
    /// `EndpointInvalid`, `RatioInvalid`; `NotBuilt` if a collector is named and this build cannot send.
    pub fn new(config: &Config) -> Result<Self, TelemetryError> {
        let (endpoint, ratio) = (&config.telemetry.otlp_endpoint, config.telemetry.sample_ratio);
        if !(0.0..=1.0).contains(&ratio) {
            return Err(TelemetryError::RatioInvalid { ratio: ratio.to_string() });
        }
        if endpoint.is_empty() {
            return Ok(Self(None));
        }
        check(endpoint)?;
        Export::new(endpoint, ratio, &config.cluster.name).map(|export| Self(Some(export)))
    }

    /// `env`, whose users hand in their spans from now on.
    pub fn watch(&self, env: Env) -> Env {
        match &self.0 {
            Some(export) => env.with_spans(export.spans()),
            None => env,
        }
    }

    /// Begins to send, as this node.
    pub(crate) fn start(&mut self, node: NodeId) {
        if let Some(export) = &mut self.0 {
            export.start(node);
        }
    }

    /// Sends what is left, for a moment at most.
    pub(crate) async fn stop(self) {
        if let Some(export) = self.0 {
            export.stop().await;
        }
    }
}

fn check(endpoint: &str) -> Result<(), TelemetryError> {
    let host = endpoint.strip_prefix("http://").unwrap_or_default();
    if host.is_empty() || host.starts_with('/') || host.contains([' ', '?', '#', '@']) {
        return Err(TelemetryError::EndpointInvalid { endpoint: endpoint.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use shoal_types::Fact;

    use super::*;
    use crate::config::{Sources, load};

    fn code_of(endpoint: &str, ratio: &str) -> &'static str {
        let flags = vec![
            ("telemetry.otlp_endpoint", endpoint.to_owned()),
            ("telemetry.sample_ratio", ratio.to_owned()),
        ];
        let config = load(&Sources { flags, ..Sources::default() }).expect("of the right type").config;
        Telemetry::new(&config).err().map_or("", |error| error.code())
    }

    #[test]
    fn what_cannot_be_sent_to_is_one_clear_error() {
        for endpoint in ["127.0.0.1:4318", "https://collector:4318", "http://", "http:///v1", "http://a b"] {
            assert_eq!(code_of(endpoint, "1.0"), "telemetry_endpoint_invalid", "{endpoint}");
        }
        for ratio in ["-0.1", "1.1", "nan"] {
            assert_eq!(code_of("http://127.0.0.1:4318", ratio), "telemetry_ratio_invalid", "{ratio}");
        }
        let built = if cfg!(feature = "otel") { "" } else { "telemetry_not_built" };
        for endpoint in ["http://127.0.0.1:4318", "http://collector:4318/", "http://[::1]:4318/otlp"] {
            assert_eq!(code_of(endpoint, "0.5"), built, "{endpoint}");
        }
        assert_eq!(code_of("", "0"), "");
    }
}

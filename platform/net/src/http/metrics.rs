use std::sync::OnceLock;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the request histogram in seconds: 250 microseconds to 10 seconds.
const BUCKETS_S: [f64; 14] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The process's recorder of metrics, in the text format of Prometheus.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder, or finds the one this process has. Call it before anything records.
    ///
    /// `None` if the process has installed another kind of recorder.
    pub fn install() -> Option<Self> {
        static INSTALLED: OnceLock<Option<Metrics>> = OnceLock::new();
        INSTALLED
            .get_or_init(|| {
                let builder = PrometheusBuilder::new()
                    .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS_S)
                    .expect("there are buckets");
                builder.install_recorder().ok().map(Metrics)
            })
            .clone()
    }

    /// The text for a scrape.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds what was recorded into the histograms. Call it every few seconds, scraped or not: until then each
    /// recorded value takes memory.
    pub fn fold(&self) {
        self.0.run_upkeep();
    }

    /// `GET /metrics`.
    pub fn router(&self) -> Router {
        let own = self.clone();
        let text = [(http::header::CONTENT_TYPE, "text/plain; version=0.0.4")];
        Router::new().route("/metrics", get(async move || (text, own.render())))
    }
}

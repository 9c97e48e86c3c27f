use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the request histogram in seconds: 250 microseconds to 10 seconds.
const BUCKETS_S: [f64; 14] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// How often recorded values are folded into the histograms: until then each takes memory.
const FOLD_EVERY: Duration = Duration::from_secs(5);

static INSTALLED: OnceLock<Option<Metrics>> = OnceLock::new();

/// The process's recorder of metrics, in the text format of Prometheus.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder, or finds the one this process has. Call it before anything records.
    ///
    /// `None` if the process has installed another kind of recorder.
    pub fn install() -> Option<Self> {
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

    /// `GET /metrics`.
    pub fn router(&self) -> Router {
        let own = self.clone();
        let text = [(http::header::CONTENT_TYPE, "text/plain; version=0.0.4")];
        Router::new().route("/metrics", get(async move || (text, own.render())))
    }
}

/// Keeps the recorder's memory bounded, whether or not anybody scrapes. Never ends.
pub(super) async fn fold_for_ever() {
    let mut interval = tokio::time::interval(FOLD_EVERY);
    loop {
        interval.tick().await;
        if let Some(Some(metrics)) = INSTALLED.get() {
            metrics.0.run_upkeep();
        }
    }
}

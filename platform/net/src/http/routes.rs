use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::Method;
use metrics::{Counter, Histogram};

use super::{Class, RouteRule};

/// What the middleware knows of each route and method: its rule and its metrics, looked up once and kept.
pub(super) struct Routes {
    rules: Vec<RouteRule>,
    known: ArcSwap<HashMap<Arc<str>, Arc<Methods>>>,
}

type Methods = [OnceLock<Arc<Endpoint>>; METHODS.len()];

/// The methods told apart; the last stands for all others.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"];

/// The route label of requests that match none: their paths must not become labels.
const UNMATCHED: &str = "unmatched";

impl Routes {
    pub(super) fn new(rules: Vec<RouteRule>) -> Self {
        Self { rules, known: ArcSwap::default() }
    }

    pub(super) fn endpoint(&self, method: &Method, route: Option<&str>) -> Arc<Endpoint> {
        let route = route.unwrap_or(UNMATCHED);
        let index = METHODS.iter().position(|name| *name == method.as_str()).unwrap_or(METHODS.len() - 1);
        let known = self.known.load();
        let methods = match known.get(route) {
            Some(methods) => methods,
            None => &self.learn(route),
        };
        methods[index].get_or_init(|| Arc::new(self.open(method, METHODS[index], route))).clone()
    }

    /// Routes are as many as the router has, so what is learned is bounded.
    fn learn(&self, route: &str) -> Arc<Methods> {
        let methods = Arc::<Methods>::default();
        self.known.rcu(|known| {
            let mut grown = HashMap::clone(known);
            grown.entry(route.into()).or_insert_with(|| methods.clone());
            grown
        });
        self.known.load().get(route).cloned().unwrap_or(methods)
    }

    fn open(&self, method: &Method, label: &'static str, route: &str) -> Endpoint {
        let rule = self.rules.iter().find(|rule| rule.covers(method, route));
        let seconds = metrics::histogram!(
            "http_request_duration_seconds", "method" => label, "route" => route.to_owned()
        );
        Endpoint {
            route: route.into(),
            method: label,
            class: rule.and_then(|rule| rule.class).unwrap_or_else(|| Class::of(method)),
            body_max: rule.and_then(|rule| rule.body_max),
            timeout: rule.and_then(|rule| rule.timeout),
            kept: rule.is_some_and(|rule| rule.kept),
            seconds,
            answers: ArcSwap::default(),
        }
    }
}

/// One method of one route.
pub(super) struct Endpoint {
    pub(super) route: Arc<str>,
    pub(super) method: &'static str,
    pub(super) class: Class,
    pub(super) body_max: Option<usize>,
    pub(super) timeout: Option<Duration>,
    /// Whether it is let in however busy the node is.
    pub(super) kept: bool,
    seconds: Histogram,
    answers: ArcSwap<Vec<(u16, Counter)>>,
}

impl Endpoint {
    /// Counts an answer with `status` after `took`.
    pub(super) fn record(&self, status: u16, took: Duration) {
        self.seconds.record(took.as_secs_f64());
        let find = |answers: &[(u16, Counter)]| {
            answers.iter().find(|(s, _)| *s == status).map(|(_, c)| c.increment(1))
        };
        if find(&self.answers.load()).is_some() {
            return;
        }
        let counter = metrics::counter!(
            "http_requests_total",
            "method" => self.method, "route" => self.route.to_string(), "status" => status.to_string()
        );
        counter.increment(1);
        self.answers.rcu(|answers| {
            let mut grown = Vec::clone(answers);
            if !grown.iter().any(|(known, _)| *known == status) {
                grown.push((status, counter.clone()));
            }
            grown
        });
    }
}

//! What must not be where: time, chance, waiting and HTTP.

use super::Finding;
use crate::rust::word;
use crate::tree::{File, Tree};

/// Reading the time or drawing randomness anywhere but in `platform/types` breaks simulation.
const CLOCK_AND_CHANCE: &[&str] = &[
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "Utc::now",
    "Local::now",
    "thread_rng",
    "rand::",
    "getrandom::",
    "OsRng",
    "Uuid::new_v4",
    "Uuid::now_v7",
    "RandomState::new",
];
/// The real sources are made once, in the node's wiring; all others are handed one.
const REAL_SOURCES: &[&str] = &["SystemClock", "SystemRng"];
/// Where elapsed time may be measured.
const STOPWATCH: &[&str] = &["platform/net", "platform/queue/src/nats", "platform/types", "tools"];
const HTTP: &[&str] = &["axum::", "hyper::", "http::", "reqwest::", "tower_http::"];
const HTTP_NAMES: &[&str] = &["StatusCode", "HeaderMap", "HeaderName", "HeaderValue"];
const HTTP_FLOORS: &[&str] = &["platform/net", "edge", "tools"];
/// What pure rules never hold.
const IMPURE: &[(&str, &str)] = &[
    ("async", "never waits"),
    (".await", "never waits"),
    ("tokio::", "never waits"),
    ("Clock", "takes times as arguments"),
    (".now()", "takes times as arguments"),
    ("Env", "takes times and ids as arguments"),
    ("shoal_sql::", "knows no database"),
];

/// Calls `find` for each line of code outside tests that holds one of `needles`.
fn each_word(tree: &Tree, needles: &[&'static str], mut find: impl FnMut(&File, usize, &str, &'static str)) {
    for (file, source) in tree.rust().filter(|(file, _)| !file.is_test()) {
        for (number, line) in source.lines().filter(|(number, _)| !source.is_test(*number)) {
            for needle in needles.iter().filter(|needle| word(line, needle)) {
                find(file, number, line, needle);
            }
        }
    }
}

/// `model` never waits and takes no clock.
pub(super) fn model(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let needles: Vec<_> = IMPURE.iter().map(|(needle, _)| *needle).collect();
    each_word(tree, &needles, |file, line, _, needle| {
        if !is_model(&file.path) {
            return;
        }
        let why = IMPURE.iter().find(|(word, _)| *word == needle).map_or("", |(_, why)| why);
        findings.push(Finding::new(&file.path, line, "model", format!("`{needle}`: a model {why}")));
    });
    findings
}

fn is_model(path: &str) -> bool {
    let room =
        |name: &str| path.contains(&format!("/src/{name}/")) || path.ends_with(&format!("/src/{name}.rs"));
    path.starts_with("services/") && (room("model") || room("saga"))
}

/// Nobody but `types::Clock` reads the time, nobody but `types::Rng` draws randomness or ids.
pub(super) fn clock_and_chance(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    each_word(tree, CLOCK_AND_CHANCE, |file, line, _, needle| {
        if !file.within(&["platform/types", "tools"]) {
            let message = format!("`{needle}`: take a `shoal_types::Clock` or `shoal_types::Rng` instead");
            findings.push(Finding::new(&file.path, line, "clock", message));
        }
    });
    each_word(tree, &["Instant::now"], |file, line, _, needle| {
        if !file.within(STOPWATCH) {
            let message = format!("`{needle}`: ask the clock that was handed in");
            findings.push(Finding::new(&file.path, line, "clock", message));
        }
    });
    each_word(tree, REAL_SOURCES, |file, line, _, needle| {
        if file.within(&["services", "edge", "contract"]) {
            let message = format!("`{needle}`: only the node makes the real one, take what is handed in");
            findings.push(Finding::new(&file.path, line, "clock", message));
        }
    });
    findings
}

/// HTTP words stay in `net` and at the edge.
pub(super) fn http_words(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |file: &File, line: usize, needle: &str| {
        if !file.within(HTTP_FLOORS) {
            let message = format!("`{needle}`: HTTP is known only to {}", HTTP_FLOORS.join(", "));
            findings.push(Finding::new(&file.path, line, "http", message));
        }
    };
    each_word(tree, HTTP, |file, number, line, needle| {
        // `shoal_net::http::Server` is a door of net, not the crate `http`.
        if !line.contains(&format!("::{needle}")) {
            find(file, number, needle);
        }
    });
    each_word(tree, HTTP_NAMES, |file, number, _, needle| find(file, number, needle));
    findings
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    #[test]
    fn a_model_that_waits_is_found() {
        let text = "pub async fn total() {\n    price().await\n}\n";
        let findings = found(model, &[("services/orders/src/model/cart.rs", text)]);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[1].ends_with("cart.rs:2: `.await`: a model never waits"), "{findings:?}");
    }

    #[test]
    fn a_model_that_takes_a_clock_is_found() {
        let text = "fn expired(clock: &dyn Clock) -> bool { clock.now() > self.at }";
        assert_eq!(found(model, &[("services/orders/src/model.rs", text)]).len(), 2);
        assert_eq!(found(model, &[("services/orders/src/api.rs", text)]), [""; 0]);
        let words = "/// The clock and async words in comments are fine.\nfn expired(now: Timestamp) -> bool { true }";
        assert_eq!(found(model, &[("services/orders/src/model.rs", words)]), [""; 0]);
    }

    #[test]
    fn time_and_chance_have_one_source() {
        for text in
            ["let at = std::time::SystemTime::now();", "let id = Uuid::now_v7();", "let r = rand::random();"]
        {
            assert_eq!(found(clock_and_chance, &[("services/users/src/api.rs", text)]).len(), 1, "{text}");
            assert_eq!(found(clock_and_chance, &[("platform/types/src/clock.rs", text)]), [""; 0], "{text}");
        }
        let ours = "let at = clock.now(); let id = rng.id::<User>(at); let now = self.instant_now();";
        assert_eq!(found(clock_and_chance, &[("services/users/src/api.rs", ours)]), [""; 0]);
    }

    #[test]
    fn elapsed_time_is_measured_in_net_and_tests_only() {
        let text = "let start = Instant::now();";
        assert_eq!(found(clock_and_chance, &[("services/users/src/api.rs", text)]).len(), 1);
        for path in ["platform/net/src/a.rs", "tools/bench/src/a.rs", "services/users/tests/it/main.rs"] {
            assert_eq!(found(clock_and_chance, &[(path, text)]), [""; 0], "{path}");
        }
    }

    #[test]
    fn only_the_node_makes_the_real_clock() {
        let text = "let clock = SystemClock;";
        assert_eq!(found(clock_and_chance, &[("edge/gateway/src/lib.rs", text)]).len(), 1);
        assert_eq!(found(clock_and_chance, &[("node/src/wiring.rs", text)]), [""; 0]);
    }

    #[test]
    fn http_stays_at_the_edge() {
        for text in ["use axum::Router;", "use http::Method;", "fn f() -> StatusCode {}"] {
            assert_eq!(found(http_words, &[("services/users/src/api.rs", text)]).len(), 1, "{text}");
            assert_eq!(found(http_words, &[("edge/gateway/src/users.rs", text)]), [""; 0], "{text}");
        }
        let door = "use shoal_net::http::Server; // axum::\nlet a = \"http::x\";";
        assert_eq!(found(http_words, &[("node/src/wiring.rs", door)]), [""; 0]);
        let tests = "#[cfg(test)]\nmod tests {\n    use axum::Router;\n}";
        assert_eq!(found(http_words, &[("contract/src/lib.rs", tests)]), [""; 0]);
    }
}

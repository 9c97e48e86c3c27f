//! One request leaves one trace, whichever nodes it went through.

mod collector;
mod rotel;

use std::collections::{HashMap, HashSet};
use std::fs;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use shoal_sql::testing::Place;
use shoal_testkit::{Client, Process, eventually, free_address, furnish, place, run};
use tempfile::TempDir;

use collector::{Collector, Span};
use rotel::Rotel;

const ADMINISTRATOR: &str = "admin@example.com";
/// The trace and the span of the client.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT: &str = "00f067aa0ba902b7";

/// A node that has the products, and one that has all else.
struct Two {
    front: Process,
    products: Process,
    password: String,
    _place: Place,
    _folder: TempDir,
}

impl Two {
    /// With a collector at this address.
    async fn start(endpoint: &str) -> Self {
        let place = place().await;
        let data = place.address();
        let (password, said, ended) = run(&["admin", "create", ADMINISTRATOR, "--data", data]);
        assert!(ended.success(), "{said}");
        let folder = tempfile::tempdir().expect("a folder can be made");
        let in_folder = |name: &str| folder.path().join(name).display().to_string();
        let (bundle, config, seed) = (in_folder("cluster.toml"), in_folder("shoal.toml"), free_address());
        let (_, said, ended) = run(&["cluster", "init", &bundle]);
        assert!(ended.success(), "{said}");
        fs::write(&config, telemetry(endpoint)).expect("the configuration is written");
        let node = async |name: &str, roles: &str, listen: &str| {
            let arguments = ["--config", &config, "--data", data, "--roles", roles, "--test-provider"];
            let peers = ["--node-name", name, "--bundle", &bundle, "--peer-listen", listen, "--join", &seed];
            Process::serve(&[&arguments[..], &peers].concat()).await
        };
        Self {
            front: node("front", "users,orders,checkout,gateway", &seed).await,
            products: node("stock", "products,gateway", "127.0.0.1:0").await,
            password: password.trim().to_owned(),
            _place: place,
            _folder: folder,
        }
    }

    async fn staff(&self) -> Client {
        let guest = self.front.guest();
        eventually("the nodes know each other", async || {
            guest.get("/v1/products").send().await.is_ok_and(|answer| answer.status == 200)
        })
        .await;
        let staff = guest.log_in(ADMINISTRATOR, &self.password).await;
        furnish(&staff).await;
        staff
    }
}

fn telemetry(endpoint: &str) -> String {
    // What the client records is recorded here, and nothing else.
    format!("[telemetry]\notlp_endpoint = \"{endpoint}\"\nsample_ratio = 0.0\n")
}

/// Buys something within the client's trace.
async fn buy(two: &Two) {
    let staff = two.staff().await;
    let mug = staff.product("mug").stock(2).create().await;
    let request = staff.buy(&[(&mug, 1)]).request();
    request.header("traceparent", format!("00-{TRACE}-{CLIENT}-01")).await.expect(201);
}

/// Waits for the whole trace, and checks how its spans hang together.
async fn is_one_trace(collector: &Collector) {
    let whole = ["POST /v1/checkouts", "saga/reserve", "saga/mark_paid", "products/reserve"];
    eventually("the trace is there", async || {
        let names: HashSet<String> = collector.trace(TRACE).into_iter().map(|span| span.name).collect();
        let servers = collector.trace(TRACE).iter().filter(|span| is_remote(span, SpanKind::Server)).count();
        let clients = collector.trace(TRACE).iter().filter(|span| is_remote(span, SpanKind::Client)).count();
        whole.iter().all(|name| names.contains(*name)) && servers == clients
    })
    .await;
    let spans = collector.trace(TRACE);
    let by_id: HashMap<&str, &Span> = spans.iter().map(|span| (&*span.id, span)).collect();
    assert_eq!(by_id.len(), spans.len(), "each span has an id of its own and came once");
    let nodes: HashSet<&str> = spans.iter().map(Span::instance).collect();
    assert_eq!(nodes.len(), 2, "both nodes took part: {nodes:?}");

    let roots: Vec<&Span> = spans.iter().filter(|span| !by_id.contains_key(&*span.parent)).collect();
    let [root] = roots[..] else { panic!("one root: {roots:?}") };
    assert_eq!((&*root.name, &*root.parent), ("POST /v1/checkouts", CLIENT));
    assert_eq!((root.attribute("http.response.status_code"), root.kind), ("201", SpanKind::Server));
    assert_eq!((&*root.node["service.name"], &*root.node["shoal.node.name"]), ("shoal", "front"));
    assert!(spans.iter().all(|span| span.node["service.version"] == env!("CARGO_PKG_VERSION")));
    assert!(spans.iter().all(|span| !span.failed), "{spans:?}");

    for step in ["reserve", "authorise", "order", "capture", "mark_paid"] {
        let name = format!("saga/{step}");
        let steps: Vec<&Span> = spans.iter().filter(|span| span.name == name).collect();
        assert!(!steps.is_empty() && steps.iter().all(|step| step.parent == root.id), "{name}: {steps:?}");
    }
    let asked = spans.iter().filter(|span| is_remote(span, SpanKind::Server));
    for answered in asked {
        let call = by_id[&*answered.parent];
        assert_eq!((call.kind, &call.name), (SpanKind::Client, &answered.name));
        assert_eq!((answered.instance(), call.instance()), (call.peer(), answered.peer()));
        assert_ne!(answered.instance(), call.instance(), "a call within one node is none");
    }
    let reserved = spans.iter().find(|span| span.name == "products/reserve" && span.kind == SpanKind::Client);
    let within = by_id[&*reserved.expect("stock is reserved").parent];
    assert_eq!(within.name, "saga/reserve");
}

impl Span {
    fn peer(&self) -> &str {
        self.attribute("shoal.peer.node")
    }
}

/// Whether it is this side of a call between nodes.
fn is_remote(span: &Span, kind: SpanKind) -> bool {
    span.kind == kind && span.attributes.contains_key("rpc.method")
}

#[tokio::test]
async fn a_checkout_over_two_nodes_is_one_trace() {
    let collector = Collector::start().await;
    let two = Two::start(&collector.endpoint()).await;
    buy(&two).await;
    is_one_trace(&collector).await;
    assert_eq!(dropped(&two.front).await, 0);
}

#[tokio::test]
async fn a_collector_that_others_wrote_takes_it_too() {
    let Some(program) = rotel::program() else {
        return println!("not run: there is no rotel below target/tools");
    };
    let collector = Collector::start().await;
    let between = Rotel::start(&program, &collector).await;
    let two = Two::start(&between.endpoint()).await;
    buy(&two).await;
    is_one_trace(&collector).await;
}

#[tokio::test]
async fn without_its_collector_a_shop_sells_and_counts_what_is_lost() {
    let mut two = Two::start(&format!("http://{}", free_address())).await;
    buy(&two).await;
    eventually("lost spans are counted", async || dropped(&two.front).await > 0).await;
    assert!(two.front.terminate().await.success());
    assert!(two.products.terminate().await.success());
}

/// How many spans the node has lost.
async fn dropped(node: &Process) -> u64 {
    let metrics = node.guest().get("/metrics").await.expect(200);
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    let counts = metrics.lines().filter(|line| line.starts_with("trace_spans_dropped_total{"));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

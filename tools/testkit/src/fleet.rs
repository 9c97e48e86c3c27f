//! Several nodes of one shop. The one place that knows how nodes are started and find each other.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::Value;
use shoal_sql::Engine;
use shoal_sql::testing::Place;
use shoal_types::{Env, Rng, Secret, SystemRng};
use tempfile::TempDir;

use crate::books::{Books, HOUSES};
use crate::build::Build;
use crate::client::{Client, Whereabouts};
use crate::houses::eventually;
use crate::process::{ADMINISTRATOR, Process, WEBHOOK_SECRET, run, run_as};
use crate::shop::{furnish, place};
use crate::topology::Topology;

/// The services that nodes ask each other for.
const SERVICES: [&str; 5] = ["users", "products", "orders", "checkout", "notifications"];

/// A file that every gateway shows at `/media/pot.svg`.
const PICTURE: &str = r#"<svg xmlns="http://www.w3.org/2000/svg"/>"#;

/// What one node is told.
struct Plan {
    build: Build,
    roles: &'static str,
    config: String,
    /// The secret that all nodes share.
    bundle: String,
    /// Where other nodes reach it.
    peer_listen: String,
    data: String,
}

impl Plan {
    fn has(&self, role: &str) -> bool {
        self.roles.split(',').any(|own| own == role || own == "all")
    }

    /// What the node is started with among others.
    fn arguments(&self, all: &[Self]) -> Vec<String> {
        let addresses: Vec<&str> = all.iter().map(|node| node.peer_listen.as_str()).collect();
        let join = addresses.join(",");
        let mut arguments = vec!["--config", &self.config, "--data", &self.data, "--test-provider"];
        arguments.extend(["--roles", self.roles, "--bundle", &self.bundle]);
        arguments.extend(["--peer-listen", &self.peer_listen, "--join", &join]);
        arguments.into_iter().map(str::to_owned).collect()
    }

    /// Where it can be seen to have started, if it has no public API.
    fn behind(&self) -> Option<String> {
        (!self.has("gateway")).then(|| self.peer_listen.clone())
    }
}

/// The nodes of one shop, each a process of its own, with an administrator, a way to ship and a tax.
pub struct Fleet {
    nodes: Vec<Process>,
    plans: Vec<Plan>,
    guest: Client,
    password: String,
    books: String,
    // Removed after the nodes have ended.
    _folder: TempDir,
    _place: Place,
}

impl Fleet {
    /// Starts the nodes on a new place, on the engine under test, and waits until each finds the others.
    ///
    /// # Panics
    /// If the engine does not allow it; see [`Topology::allowed`].
    pub async fn start(topology: Topology) -> Self {
        Self::of_builds(topology, &[]).await
    }

    /// As [`Fleet::start`], each node of its build in the topology's order; the last are of the present one. Those of the
    /// earlier one make the data and start first.
    ///
    /// # Panics
    /// As [`Fleet::start`]; if a build is not there.
    pub async fn of_builds(topology: Topology, builds: &[Build]) -> Self {
        let place = match builds.contains(&Build::Earlier) {
            true => Place::migrated(&[], &Env::system()).await.expect("a place for the data"),
            false => place().await,
        };
        assert!(topology.allowed(place.engine()), "{topology} over {:?}", place.engine());
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut plans = plan(topology, &place, &config(folder.path()), &bundle(folder.path()));
        plans.iter_mut().zip(builds).for_each(|(node, build)| node.build = *build);
        let with_users = |build| plans.iter().find(|node| node.has("users") && node.build == build);
        let users = with_users(Build::Earlier).or_else(|| with_users(Build::Present));
        let users = users.expect("somebody has the users");
        let create = ["admin", "create", ADMINISTRATOR, "--data", &users.data];
        let (password, said, ended) = run_as(users.build, "users", &create);
        assert!(ended.success(), "{said}");
        let nodes = all_started(&plans).await;
        let books = match place.engine() {
            Engine::Postgres => place.address().to_owned(),
            Engine::Sqlite => gathered(&plans, place.address()),
        };
        let ways: Vec<_> = nodes.iter().filter_map(Process::whereabouts).cloned().collect();
        let guest = Client::new(Whereabouts::around(&ways));
        let password = password.trim().to_owned();
        let fleet = Self { nodes, plans, guest, password, books, _folder: folder, _place: place };
        fleet.all_answer().await;
        furnish(&fleet.staff().await).await;
        fleet
    }

    /// Waits until every gateway reaches every service.
    pub async fn all_answer(&self) {
        for gateway in self.gateways() {
            let node = self.guest_of(gateway);
            eventually("a node reaches every service", async || reaches_all(&node).await).await;
        }
    }

    /// How many nodes there are.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// The nodes with a public API.
    pub fn gateways(&self) -> Vec<usize> {
        (0..self.size()).filter(|node| self.plans[*node].has("gateway")).collect()
    }

    /// The roles of a node, in the words of `--roles`.
    pub fn roles(&self, node: usize) -> &'static str {
        self.plans[node].roles
    }

    /// A guest whose requests go to one gateway after another.
    pub fn guest(&self) -> Client {
        self.guest.clone()
    }

    /// A guest of this node alone.
    pub fn guest_of(&self, node: usize) -> Client {
        self.nodes[node].guest()
    }

    /// The administrator, who asks one gateway after another.
    pub async fn staff(&self) -> Client {
        self.guest.log_in(ADMINISTRATOR, &self.password).await
    }

    /// What the payment provider signs notices with.
    pub fn webhook_secret(&self) -> Secret {
        Secret::new(WEBHOOK_SECRET)
    }

    /// Ends a node at once, as a power failure would.
    pub fn kill_9(&mut self, node: usize) {
        self.nodes[node].kill_9();
    }

    /// Asks a node to end in good order and waits for it.
    pub async fn terminate(&mut self, node: usize) -> ExitStatus {
        self.nodes[node].terminate().await
    }

    /// Starts a node again that has ended.
    pub async fn start_again(&mut self, node: usize) {
        self.nodes[node].start().await;
    }

    /// Starts a node again that has ended, of that build from now on.
    ///
    /// # Errors
    /// What it said if it does not serve.
    pub async fn start_as(&mut self, node: usize, build: Build) -> Result<(), String> {
        self.nodes[node].change_build(build);
        self.nodes[node].try_start().await
    }

    /// Whether every build in it has this route, in the words of the API's description: `get`, `/v1/carts/{cart}`.
    pub fn knows(&self, method: &str, path: &str) -> bool {
        let knows = |build| {
            let (described, said, ended) = run_as(build, "all", &["openapi"]);
            assert!(ended.success(), "{said}");
            let described: Value = serde_json::from_str(&described).expect("the description is JSON");
            described["paths"][path][method].is_object()
        };
        [Build::Present, Build::Earlier]
            .into_iter()
            .all(|build| self.plans.iter().all(|node| node.build != build) || knows(build))
    }

    /// Where the nodes answer and overhear each other.
    pub fn peers(&self) -> Vec<&str> {
        self.plans.iter().map(|node| node.peer_listen.as_str()).collect()
    }

    /// The file of the secret that they share.
    pub fn bundle(&self) -> &str {
        &self.plans[0].bundle
    }

    /// Where the data of all can be read, in the words of `--data`.
    pub fn data(&self) -> &str {
        &self.books
    }

    /// Waits until no saga is under way, at most `within`, then passes books that balance; panics otherwise.
    ///
    /// Nodes of an earlier version carry events and do not count sales: the figures want a recount once all are new.
    pub async fn audit(&self, within: Duration) -> Books {
        let mixed = self.plans.iter().any(|node| node.build == Build::Earlier);
        let uncounted = |fact: &str| fact.starts_with("figures of sales");
        Books::settled_apart_from(&self.books, within, if mixed { uncounted } else { |_| false }).await
    }
}

/// Starts the nodes of a build at the same time, which is in no order; those of the earlier one first, as a newer one may
/// take the data to where the earlier does not start on it any more.
async fn all_started(plans: &[Plan]) -> Vec<Process> {
    let mut nodes: Vec<Option<Process>> = plans.iter().map(|_| None).collect();
    for build in [Build::Earlier, Build::Present] {
        let start =
            |node: &Plan| tokio::spawn(Process::started(node.build, node.arguments(plans), node.behind()));
        let of_build = plans.iter().enumerate().filter(|(_, node)| node.build == build);
        let starting: Vec<_> = of_build.map(|(index, node)| (index, start(node))).collect();
        for (index, node) in starting {
            nodes[index] = Some(node.await.expect("a node starts"));
        }
    }
    nodes.into_iter().flatten().collect()
}

/// What each node is told: on embedded data each has a directory of its own.
fn plan(topology: Topology, place: &Place, config: &str, bundle: &str) -> Vec<Plan> {
    let roles = topology.roles(place.engine());
    let data = |number: usize| match place.engine() {
        Engine::Postgres => place.address().to_owned(),
        Engine::Sqlite => format!("{}/node-{number}", place.address()),
    };
    let node = |(number, roles)| {
        let (config, bundle, peer_listen) = (config.to_owned(), bundle.to_owned(), free_address());
        Plan { build: Build::Present, roles, config, bundle, peer_listen, data: data(number) }
    };
    roles.into_iter().enumerate().map(node).collect()
}

/// What all nodes have in common, as a file in `folder`.
fn config(folder: &Path) -> String {
    let (media, file) = (folder.join("media"), folder.join("shoal.toml"));
    fs::create_dir(&media).expect("a directory can be made");
    fs::write(media.join("pot.svg"), PICTURE).expect("a file can be written");
    fs::write(&file, format!("[gateway]\nmedia = {media:?}\n")).expect("a file can be written");
    file.to_str().expect("a test's folder has a plain name").to_owned()
}

/// Makes the secret of a cluster in `folder`.
fn bundle(folder: &Path) -> String {
    let file = folder.join("cluster.toml").display().to_string();
    let (_, said, ended) = run(&["cluster", "init", &file]);
    assert!(ended.success(), "{said}");
    file
}

/// A port nobody listens on at present, for nodes to find each other: not one of those that systems give to whoever
/// connects somewhere, so that it is still free when a node comes back.
pub fn free_address() -> String {
    let ports = 10_000..32_000;
    let rng: &dyn Rng = &SystemRng;
    for _ in 0..100 {
        let address = format!("127.0.0.1:{}", ports.start + rng.below(ports.end - ports.start));
        if TcpListener::bind(&address).is_ok() && UdpSocket::bind(&address).is_ok() {
            return address;
        }
    }
    panic!("no port is free from {} to {}", ports.start, ports.end);
}

/// A directory in which the houses of all nodes are found by links.
fn gathered(plans: &[Plan], place: &str) -> String {
    let books = Path::new(place).join("books");
    fs::create_dir_all(&books).expect("a directory can be made");
    for (_, house) in HOUSES {
        let role = if SERVICES.contains(&house) { house } else { "checkout" };
        let owner = plans.iter().find(|node| node.has(role)).expect("every house has an owner");
        let file = format!("{house}.db");
        let linked = std::os::unix::fs::symlink(Path::new(&owner.data).join(&file), books.join(&file));
        linked.expect("a link can be made");
    }
    books.to_str().expect("a test's folder has a plain name").to_owned()
}

/// Whether each service is found through this gateway.
pub async fn reaches_all(gateway: &Client) -> bool {
    let nothing = "01h455vb4pex5vsknk084sn02q";
    let asked = [
        (gateway.with_token("nobody's").get("/v1/me"), 401),
        (gateway.get("/v1/categories"), 200),
        (gateway.get(format!("/v1/carts/cart_{nothing}")), 404),
        (gateway.get(format!("/v1/checkouts/checkout_{nothing}")), 404),
    ];
    for (request, status) in asked {
        if !request.send().await.is_ok_and(|answer| answer.status == status) {
            return false;
        }
    }
    true
}

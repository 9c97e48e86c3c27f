use std::any::Any;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use shoal_servers::{Host, Hosts, Options, Postgres};
use shoal_sql::Engine;
use shoal_testkit::{Client, Whereabouts, furnish, program, reaches_all};
use tempfile::TempDir;

use super::until;

/// Where every node serves its API, and where it answers other nodes.
const API: u16 = 8080;
const PEERS: u16 = 7171;
/// What the cluster is called: a word that nothing else has.
pub(super) const CLUSTER: &str = "mainsheet";
/// How long a node works on a request.
const TIMEOUT: Duration = Duration::from_secs(5);
const ADMINISTRATOR: &str = "admin@example.com";

/// A shop whose nodes are on hosts of their own, seen from another host.
pub(super) struct Rig {
    nodes: Vec<Node>,
    password: String,
    // In the order in which they end: after the nodes.
    _server: Option<Postgres>,
    hosts: Hosts,
    folder: TempDir,
}

struct Node {
    name: String,
    roles: &'static str,
    data: String,
    child: Option<Child>,
}

impl Node {
    fn has(&self, role: &str) -> bool {
        self.roles.split(',').any(|own| own == role || own == "all")
    }
}

/// Runs `test` from a host of its own, on a shop with a node for each of these roles, over data of this engine. Says so if
/// there can be no hosts.
pub(super) fn run(engine: Engine, roles: &[&'static str], test: impl AsyncFnOnce(Rig) + Send + 'static) {
    // One for the client, and one for the database if there is one.
    let others = if engine == Engine::Postgres { 2 } else { 1 };
    let hosts = match Hosts::new(roles.len() + others) {
        Ok(hosts) => hosts,
        Err(error) => return println!("not run: {error}"),
    };
    if let Err(error) = Postgres::programs()
        && engine == Engine::Postgres
    {
        return println!("not run: {error}");
    }
    let roles = roles.to_vec();
    let ended = std::thread::spawn(move || {
        hosts.all().last().expect("there are hosts").enter().expect("the host is there");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a thread has a runtime").block_on(async move {
            test(Rig::open(hosts, engine, &roles).await).await;
        });
    });
    if let Err(panic) = ended.join() {
        std::panic::resume_unwind(panic as Box<dyn Any + Send>);
    }
}

impl Rig {
    async fn open(hosts: Hosts, engine: Engine, roles: &[&'static str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let bundle = folder.path().join("cluster.toml");
        let mut init = Command::new(program());
        finish(init.args(["cluster", "init", "--name", CLUSTER]).arg(&bundle));
        let server = (engine == Engine::Postgres).then(|| database(hosts.host(roles.len())));
        let data = |index: usize| match &server {
            // Nobody else is on this network.
            Some(server) => format!("{}?sslmode=disable", server.url("postgres")),
            None => folder.path().join(format!("data-{index}")).display().to_string(),
        };
        let node = |(index, roles): (usize, &&'static str)| Node {
            name: format!("topsail-{index}"),
            roles,
            data: data(index),
            child: None,
        };
        let nodes = roles.iter().enumerate().map(node).collect();
        let mut rig = Self { nodes, password: String::new(), _server: server, hosts, folder };
        rig.make_administrator();
        for node in 0..rig.nodes.len() {
            rig.start(node);
        }
        rig.all_answer().await;
        furnish(&rig.staff().await).await;
        rig
    }

    fn make_administrator(&mut self) {
        let users = self.nodes.iter().position(|node| node.has("users")).expect("somebody has the users");
        let mut create = self.hosts.host(users).command(program());
        create.args(["admin", "create", ADMINISTRATOR, "--data", &self.nodes[users].data]);
        self.password = finish(create.env("SHOAL_ROLES", "users")).trim().to_owned();
    }

    /// Starts a node that does not run.
    pub(super) fn start(&mut self, node: usize) {
        let at = |port: u16| move |host: &Host| SocketAddr::from((host.address(), port)).to_string();
        let (host, log) =
            (self.hosts.host(node), File::options().create(true).append(true).open(self.log(node)));
        let seeds: Vec<String> = self.hosts.all()[..self.nodes.len()].iter().map(at(PEERS)).collect();
        let this = &mut self.nodes[node];
        assert!(this.child.is_none(), "it runs");
        let mut command = host.command(program());
        command.args(["serve", "--test-provider", "--log", "warn", "--roles", this.roles]);
        command.args([
            "--listen",
            &at(API)(host),
            "--peer-listen",
            &at(PEERS)(host),
            "--join",
            &seeds.join(","),
        ]);
        command.args(["--node-name", &this.name, "--data", &this.data, "--bundle"]);
        command.arg(self.folder.path().join("cluster.toml"));
        // All shoppers are one machine here, and not the one that serves.
        command.env("SHOAL_HTTP_RATE_LIMITS_ENABLED", "false");
        command.env("SHOAL_HTTP_REQUEST_TIMEOUT", format!("{}s", TIMEOUT.as_secs()));
        command.env("SHOAL_CHECKOUT_WEBHOOK_SECRET", "the test provider's own");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("a log can be written"));
        this.child = Some(command.spawn().expect("the program can be started"));
    }

    fn log(&self, node: usize) -> PathBuf {
        self.folder.path().join(format!("{}.log", self.nodes[node].name))
    }

    /// The links between the hosts: the nodes' in order, the database's if there is one, the client's.
    pub(super) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The host of the database that all share.
    pub(super) fn database(&self) -> usize {
        self.nodes.len()
    }

    /// Where all data is, if it is in a database.
    pub(super) fn data(&self) -> &str {
        &self.nodes[0].data
    }

    /// A guest of this node.
    pub(super) fn guest(&self, node: usize) -> Client {
        let whereabouts = Whereabouts::default();
        whereabouts.moved_to(SocketAddr::from((self.hosts.host(node).address(), API)));
        Client::new(whereabouts)
    }

    /// The administrator, at the first gateway.
    pub(super) async fn staff(&self) -> Client {
        self.guest(self.gateways()[0]).log_in(ADMINISTRATOR, &self.password).await
    }

    fn gateways(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|node| self.nodes[*node].has("gateway")).collect()
    }

    /// Waits until every gateway reaches every service.
    pub(super) async fn all_answer(&self) {
        for node in self.gateways() {
            self.answers(node).await;
        }
    }

    /// Waits until this gateway reaches every service.
    pub(super) async fn answers(&self, node: usize) {
        let guest = self.guest(node);
        let what = format!("{} reaches every service", self.nodes[node].name);
        until(&what, async || reaches_all(&guest).await).await;
    }

    /// Ends a node as a power failure would.
    pub(super) fn kill_9(&mut self, node: usize) {
        self.nodes[node].end();
    }

    /// Asks a node to end in good order and waits until it has.
    pub(super) async fn terminate(&mut self, node: usize) {
        self.signal(node, "-TERM");
        let mut child = self.nodes[node].child.take().expect("it runs");
        until("it has drained", async || child.try_wait().expect("it is our child").is_some()).await;
        assert!(child.wait().expect("it is our child").success());
    }

    /// Sends a signal to a node, in the words of `kill`.
    pub(super) fn signal(&self, node: usize, signal: &str) {
        let id = self.nodes[node].child.as_ref().expect("it runs").id().to_string();
        finish(Command::new("kill").args([signal, &id]));
    }
}

impl Node {
    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; then there is nothing left to do.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.nodes.iter_mut().for_each(Node::end);
        if std::thread::panicking() {
            for node in 0..self.nodes.len() {
                let said = fs::read_to_string(self.log(node)).unwrap_or_default();
                println!("{} said:\n{said}", self.nodes[node].name);
            }
        }
    }
}

/// A server on this host, with a database for all.
fn database(host: &Host) -> Postgres {
    let options = Options { address: Some(host.address()), ..Options::default() };
    // As docs/operations.md has it, only sooner: a node that stands still keeps no row for itself.
    let options = options.setting("idle_in_transaction_session_timeout", "5s");
    std::thread::scope(|scope| {
        let started = scope.spawn(|| {
            host.enter().expect("the host is there");
            Postgres::start(options)
        });
        started.join().expect("no panic").expect("the server starts")
    })
}

/// What a command wrote that ended well.
fn finish(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("it can be started");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

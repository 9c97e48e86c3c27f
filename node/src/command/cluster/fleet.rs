//! The processes of a cluster on this machine.

use std::fmt::Write as _;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};

/// How often it is looked whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What the nodes are to be.
pub(super) struct Plan {
    pub(super) folder: PathBuf,
    pub(super) bundle: PathBuf,
    /// The database that all share; each house has an owner of its own if absent.
    pub(super) shared: Option<String>,
    /// Where events travel, as it was given; else as the environment says.
    pub(super) queue: Option<String>,
    pub(super) ip: IpAddr,
    /// The ports of the public API, a node each.
    pub(super) api: Vec<u16>,
    /// The ports among the nodes.
    pub(super) peers: Vec<u16>,
    pub(super) test_provider: bool,
    pub(super) webhook_secret: String,
}

/// The nodes. Those that still run are killed when it is dropped.
pub(super) struct Fleet {
    nodes: Vec<Process>,
    about: String,
}

struct Process {
    name: String,
    log: PathBuf,
    child: Child,
    ended: Option<ExitStatus>,
}

/// Ports that nobody listens on, for the public API from `api` on and among the nodes from `peers` on.
///
/// # Errors
/// Names the first that is taken.
pub(super) fn ports(ip: IpAddr, api: u16, peers: u16, nodes: u16) -> anyhow::Result<(Vec<u16>, Vec<u16>)> {
    let row = |first: u16| {
        let ports: Option<Vec<u16>> = (0..nodes).map(|index| first.checked_add(index)).collect();
        ports.with_context(|| format!("there are no {nodes} ports from {first} on"))
    };
    let (api, peers) = (row(api)?, row(peers)?);
    for port in &api {
        free(TcpListener::bind((ip, *port)).map(drop), *port, "--listen")?;
    }
    for port in &peers {
        let address = (Ipv4Addr::LOCALHOST, *port);
        free(TcpListener::bind(address).map(drop), *port, "--peer-port")?;
        free(UdpSocket::bind(address).map(drop), *port, "--peer-port")?;
    }
    Ok((api, peers))
}

fn free(bound: std::io::Result<()>, port: u16, flag: &str) -> anyhow::Result<()> {
    bound.with_context(|| format!("port {port} cannot be used: choose others with {flag}"))
}

impl Plan {
    /// What the node at `index` does: everything where data is shared, else each house at one node.
    fn roles(&self, index: usize) -> &'static str {
        if self.shared.is_some() {
            return "all";
        }
        match (self.api.len(), index) {
            (1, _) => "all",
            (2, 0) => "gateway,users,products",
            (2, _) => "gateway,orders,checkout,notifications",
            (_, 0) => "gateway,users",
            (_, 1) => "gateway,products",
            (3, _) => "gateway,orders,checkout,notifications",
            (_, 2) => "gateway,orders",
            (_, 3) => "gateway,checkout,notifications",
            _ => "gateway",
        }
    }

    fn command(&self, index: usize) -> anyhow::Result<Command> {
        let mut command = Command::new(std::env::current_exe().context("which program is this?")?);
        let seeds: Vec<String> = self.peers.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        command.args(["serve", "--node-name", &name(index), "--roles", self.roles(index)]);
        command.args(["--listen", &SocketAddr::new(self.ip, self.api[index]).to_string()]);
        command.args(["--peer-listen", &seeds[index], "--join", &seeds.join(",")]);
        command.arg("--bundle").arg(&self.bundle);
        if self.test_provider {
            command.arg("--test-provider");
        }
        // In the environment, where a list of processes does not show a password.
        match &self.shared {
            Some(url) => command.env("SHOAL_DATA", url),
            None => command.env("SHOAL_DATA", self.folder.join(name(index))),
        };
        if let Some(queue) = &self.queue {
            command.env("SHOAL_QUEUE_URL", queue);
        }
        command.env("SHOAL_CHECKOUT_WEBHOOK_SECRET", &self.webhook_secret);
        Ok(command)
    }
}

fn name(index: usize) -> String {
    format!("node-{}", index + 1)
}

impl Fleet {
    /// Starts the nodes.
    ///
    /// # Errors
    /// If a process or its log cannot be made; those that run are ended.
    pub(super) fn start(plan: &Plan) -> anyhow::Result<Self> {
        let mut about = String::new();
        for port in &plan.api {
            let _ = writeln!(about, "http://{}", SocketAddr::new(plan.ip, *port));
        }
        let folder = plan.folder.display();
        let _ = write!(
            about,
            "\nLogs are in {folder}. `shoal admin create you@example.com --data {folder}` makes an administrator.\n\
             Ctrl-C drains all of it."
        );
        let mut fleet = Self { nodes: Vec::new(), about };
        for index in 0..plan.api.len() {
            let name = name(index);
            let log = plan.folder.join(format!("{name}.log"));
            let file = File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
            let mut command = plan.command(index)?;
            command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
            // Ctrl-C is for this process: it tells the nodes, in good order.
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
            let child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
            fleet.nodes.push(Process { name, log, child, ended: None });
        }
        Ok(fleet)
    }

    /// Where to go and what to read.
    pub(super) fn about(&self) -> &str {
        &self.about
    }

    /// Passes while a node runs; says of each once that it has ended.
    ///
    /// # Errors
    /// If all have ended, or one could not start.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        for node in &mut self.nodes {
            if node.ended.is_none()
                && let Some(status) = node.child.try_wait()?
            {
                node.ended = Some(status);
                if !status.success() {
                    bail!("{} has ended with {status}: {}", node.name, node.last_words());
                }
                eprintln!("{} has ended", node.name);
            }
        }
        if self.nodes.iter().all(|node| node.ended.is_some()) {
            bail!("all nodes have ended");
        }
        Ok(())
    }

    /// Has all nodes finish what they have begun; whether all ended in good order.
    pub(super) async fn drain(&mut self) -> bool {
        for node in self.running() {
            let told = Command::new("kill").args(["-TERM", &node.child.id().to_string()]).status();
            if !told.is_ok_and(|status| status.success()) {
                eprintln!("{} cannot be told to end", node.name);
            }
        }
        while self.running().next().is_some() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let mut in_order = true;
        for node in &self.nodes {
            if let Some(status) = node.ended.filter(|status| !status.success()) {
                eprintln!("{} has ended with {status}: {}", node.name, node.last_words());
                in_order = false;
            }
        }
        in_order
    }

    /// Ends what still runs, at once; answers that it was not in good order.
    pub(super) fn kill(&mut self) -> bool {
        for node in self.running() {
            // It may end by itself in this moment.
            let _ = node.child.kill();
            let _ = node.child.wait();
        }
        false
    }

    fn running(&mut self) -> impl Iterator<Item = &mut Process> {
        self.nodes.iter_mut().filter_map(|node| {
            if node.ended.is_none() {
                node.ended = node.child.try_wait().ok().flatten();
            }
            node.ended.is_none().then_some(node)
        })
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Process {
    /// The error that it ended with, as its log has it.
    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let error = log.lines().rev().find(|line| line.starts_with("error:")).or_else(|| log.lines().last());
        error.map_or_else(|| format!("see {}", self.log.display()), str::to_owned)
    }
}

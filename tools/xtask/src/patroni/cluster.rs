//! Three PostgreSQL servers, each under its Patroni, and the etcd in which they agree on the primary.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::http::Connection;
use super::packages::Programs;
use super::rig::{Rig, Running, free_ports, password, signal, wait};
use super::sql::{Login, Psql};

const NODE: &str = include_str!("node.yml");
const NODES: usize = 3;
/// Making the first server and two copies of it, on a busy machine.
const START_MAX: Duration = Duration::from_secs(120);

/// What happens to the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    /// Every process of it is killed: its connections break at once.
    Kill,
    /// Every process of it stands still: its connections stay open, and nothing answers. It wakes up later and still
    /// takes itself for the primary.
    Freeze,
}

/// One database server.
pub(super) struct Node {
    pub(super) name: String,
    port: u16,
    api: SocketAddr,
    folder: PathBuf,
    patroni: Option<Running>,
    frozen: Vec<u32>,
}

/// The servers.
pub(super) struct Cluster {
    nodes: Vec<Node>,
    programs: Programs,
    password: String,
    etcd: Running,
}

impl Cluster {
    /// Makes and starts the servers, and waits until one is the primary and another confirms its commits.
    pub(super) fn start(rig: &mut Rig, programs: Programs, ttl_s: u32) -> io::Result<Self> {
        let [etcd_port, peer_port] = free_ports()?;
        let etcd = start_etcd(rig, &programs, etcd_port, peer_port)?;
        let (ports, apis) = (free_ports::<NODES>()?, free_ports::<NODES>()?);
        let mut cluster = Self { nodes: Vec::new(), programs, password: password()?, etcd };
        for (index, (port, api)) in ports.into_iter().zip(apis).enumerate() {
            let name = format!("node{}", index + 1);
            let folder = rig.folder(&name)?;
            let settings = NODE
                .replace("{name}", &name)
                .replace("{api_port}", &api.to_string())
                .replace("{etcd_port}", &etcd_port.to_string())
                .replace("{port}", &port.to_string())
                .replace("{ttl}", &ttl_s.to_string())
                .replace("{folder}", &folder.to_string_lossy())
                .replace("{bin}", &cluster.programs.postgres.to_string_lossy())
                .replace("{password}", &cluster.password);
            rig.file(&folder.join("patroni.yml"), &settings)?;
            let api = SocketAddr::from((Ipv4Addr::LOCALHOST, api));
            cluster.nodes.push(Node { name, port, api, folder, patroni: None, frozen: Vec::new() });
        }
        for index in 0..NODES {
            cluster.start_patroni(rig, index)?;
        }
        let all_stream = "a primary, and two servers that follow it, one of them synchronously";
        wait(all_stream, START_MAX, || cluster.check_and(|it| Ok(it.is_whole().then_some(()))))?;
        Ok(cluster)
    }

    fn start_patroni(&mut self, rig: &mut Rig, index: usize) -> io::Result<()> {
        let node = &mut self.nodes[index];
        let mut command = rig.command(&self.programs.patroni);
        command.arg(node.folder.join("patroni.yml")).current_dir(&node.folder);
        node.patroni = Some(rig.start(&node.name, command)?);
        Ok(())
    }

    /// `look`, unless a process that should be there has ended.
    fn check_and<T>(&mut self, look: impl FnOnce(&Self) -> io::Result<T>) -> io::Result<T> {
        self.etcd.check()?;
        for patroni in self.nodes.iter_mut().filter_map(|node| node.patroni.as_mut()) {
            patroni.check()?;
        }
        look(self)
    }

    /// As the database's own administrator.
    pub(super) fn administrator(&self, database: &'static str) -> Psql {
        self.login(Login { user: "postgres", password: self.password.clone(), database })
    }

    /// As anybody.
    pub(super) fn login(&self, login: Login) -> Psql {
        Psql::new(&self.programs.postgres, self.ports(), login)
    }

    /// Where the servers answer.
    pub(super) fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.port).collect()
    }

    /// Which one is the primary, if any.
    pub(super) fn primary(&self) -> Option<usize> {
        self.is("/primary")
    }

    /// Which one confirms the primary's commits, if any.
    pub(super) fn synchronous(&self) -> Option<usize> {
        self.is("/sync")
    }

    fn is(&self, path: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.frozen.is_empty() && node.says(path))
    }

    pub(super) fn name(&self, index: usize) -> &str {
        &self.nodes[index].name
    }

    /// Whether all servers are there: each but the primary follows it, and one of them confirms.
    pub(super) fn is_whole(&self) -> bool {
        let following = "select count(*) from pg_stat_replication where state = 'streaming'";
        self.primary().is_some()
            && self.synchronous().is_some()
            && self.administrator("postgres").number(following).is_ok_and(|count| count + 1 == NODES as i64)
    }

    /// Does it to the primary, without warning; which server that was.
    pub(super) fn strike(&mut self, mishap: Mishap) -> io::Result<usize> {
        let index = self.primary().ok_or_else(|| io::Error::other("there is no primary"))?;
        let node = &mut self.nodes[index];
        let processes = node.processes()?;
        match mishap {
            Mishap::Kill => {
                signal("KILL", &processes)?;
                node.patroni = None;
            }
            Mishap::Freeze => {
                signal("STOP", &processes)?;
                node.frozen = processes;
            }
        }
        Ok(index)
    }

    /// Brings back the server that was struck, as its machine would after a restart or a pause.
    pub(super) fn revive(&mut self, rig: &mut Rig, index: usize) -> io::Result<()> {
        let frozen = std::mem::take(&mut self.nodes[index].frozen);
        if frozen.is_empty() { self.start_patroni(rig, index) } else { signal("CONT", &frozen) }
    }
}

impl Node {
    /// Whether its Patroni answers a question about its role with yes.
    ///
    /// Source: <https://patroni.readthedocs.io/en/latest/rest_api.html#health-check-endpoints>
    fn says(&self, path: &str) -> bool {
        Connection::new(self.api).get(path).is_ok_and(|answer| answer.status == 200)
    }

    /// Patroni, the server and the server's own processes.
    fn processes(&self) -> io::Result<Vec<u32>> {
        let first_line = |text: String| text.lines().next().and_then(|line| line.trim().parse().ok());
        let server: Option<u32> = first_line(fs::read_to_string(self.folder.join("data/postmaster.pid"))?);
        let server =
            server.ok_or_else(|| io::Error::other(format!("the server of {} has no id", self.name)))?;
        let mut processes: Vec<u32> = self.patroni.iter().map(Running::id).collect();
        processes.push(server);
        let children = fs::read_to_string(format!("/proc/{server}/task/{server}/children"))?;
        processes.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        Ok(processes)
    }
}

/// One is enough here: what is rehearsed is the loss of a database server, and three on one machine would be lost
/// together anyway. A shop has three, on three machines.
fn start_etcd(rig: &mut Rig, programs: &Programs, port: u16, peer_port: u16) -> io::Result<Running> {
    let folder = rig.folder("etcd")?;
    let (client, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer_port}"));
    let mut command = rig.command(&programs.etcd);
    command.current_dir(&folder).arg("--data-dir").arg(folder.join("data")).args(["--name", "etcd1"]);
    command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
    command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
    command.args(["--initial-cluster", &format!("etcd1={peer}"), "--log-level", "warn"]);
    rig.start("etcd", command)
}

//! What does not belong to a cluster and comes to its doors, while it serves: nobody inside takes notice of it, and
//! whoever stays outside is told why.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use shoal_testkit::{Fleet, SOON, Topology, program, run};
use shoal_types::{Rng, SystemRng};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout};

use crate::load::Load;

/// Packets thrown at each gossip port, and connections made to each port for calls.
const PACKETS: usize = 1_000;
const CONNECTIONS: usize = 60;
/// The longest packet of garbage, above what gossip sends, bytes.
const PACKET_MAX: u32 = 2_000;
/// How soon a node hangs up on garbage.
const HANGS_UP_WITHIN: Duration = Duration::from_secs(15);
/// How a TLS client greets, cut off in the middle.
const HALF_A_GREETING: [u8; 11] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];

/// Whether the program that sets clocks is there; says so if not.
fn clocks_can_be_set() -> bool {
    let there =
        Command::new("faketime").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = there.is_ok_and(|status| status.success());
    if !there {
        println!("not run: faketime is missing: run `sudo apt-get install -y faketime`");
    }
    there
}

/// A node that tries to join, and what it says meanwhile.
struct Stranger {
    child: Child,
    log: PathBuf,
    _folder: TempDir,
}

impl Stranger {
    /// One with a secret of its own.
    fn of_another_cluster(fleet: &Fleet) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let bundle = folder.path().join("other.toml").display().to_string();
        let (_, said, ended) = run(&["cluster", "init", &bundle]);
        assert!(ended.success(), "{said}");
        Self::start(Command::new(program()), &bundle, fleet, folder)
    }

    /// One with the right secret and a clock that is off by so much, in the words of faketime.
    fn at_another_time(fleet: &Fleet, shift: &str) -> Self {
        let mut command = Command::new("faketime");
        command.args(["-f", shift]).arg(program()).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let folder = tempfile::tempdir().expect("a folder can be made");
        Self::start(command, fleet.bundle(), fleet, folder)
    }

    fn start(mut command: Command, bundle: &str, fleet: &Fleet, folder: TempDir) -> Self {
        let log = folder.path().join("log");
        let file = File::create(&log).expect("a file can be made");
        command.args(["serve", "--listen", "127.0.0.1:0", "--roles", "gateway", "--log", "warn"]);
        command.args(["--bundle", bundle, "--node-name", "stranger", "--peer-listen", "127.0.0.1:0"]);
        command.args(["--join", &fleet.peers().join(",")]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn();
        Self { child: child.expect("the program can be started"), log, _folder: folder }
    }

    /// Waits until it says something with these words.
    async fn says(&mut self, words: &str) {
        let late = Instant::now() + SOON;
        loop {
            let said = fs::read_to_string(&self.log).expect("its log can be read");
            if said.contains(words) {
                return;
            }
            assert!(self.child.try_wait().expect("it is our child").is_none(), "it has ended: {said}");
            assert!(Instant::now() < late, "it does not say `{words}` within {SOON:?}: {said}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does something to a fleet while people buy: nobody notices, and the fleet is the same afterwards.
async fn goes_unnoticed(work: impl AsyncFnOnce(&Fleet)) {
    let fleet = Fleet::start(Topology::Mixture).await;
    let staff = fleet.staff().await;
    let item = staff.product("rudder").stock(1_000_000).create().await;
    let ways = fleet.gateways().into_iter().map(|node| fleet.guest_of(node)).collect();
    let load = Load::start("intruders", ways, &item);
    load.sells(5).await;
    work(&fleet).await;
    load.sells(10).await;
    let nodes = staff.get("/v1/cluster").await.expect(200).at("/nodes");
    let nodes = nodes.as_array().expect("a list");
    let is_ready = |node: &Value| node["state"] == "ready" && node["name"] != "stranger";
    assert!(nodes.len() == fleet.size() && nodes.iter().all(is_ready), "{nodes:?}");
    let tally = load.end().await;
    assert!(tally.failures.is_empty(), "{:?}", tally.failures);
    assert_eq!(fleet.audit(SOON).await.orders(), tally.orders.len() as i64);
}

#[tokio::test]
async fn a_node_with_another_secret_stays_outside_and_says_so() {
    goes_unnoticed(async |fleet| {
        Stranger::of_another_cluster(fleet)
            .says("no seed answers: is a node up there, and are the secret")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_node_whose_clock_is_minutes_off_stays_outside_and_says_so() {
    if !clocks_can_be_set() {
        return;
    }
    goes_unnoticed(async |fleet| {
        for shift in ["+10m", "-10m"] {
            Stranger::at_another_time(fleet, shift).says("clocks").await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_operator_with_another_secret_is_told_by_its_code() {
    let fleet = Fleet::start(Topology::Alone).await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let bundle = folder.path().join("other.toml").display().to_string();
    let (_, said, ended) = run(&["cluster", "init", "--name", "other", &bundle]);
    assert!(ended.success(), "{said}");
    let mut status = Command::new(program());
    status.args(["cluster", "status"]).env("SHOAL_CLUSTER_BUNDLE", &bundle);
    let output = status.env("SHOAL_CLUSTER_JOIN", fleet.peers().join(",")).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("docs/errors/foreign_cluster.md"), "{said}");
    fleet.all_answer().await;
}

/// Bytes that mean nothing.
fn garbage(most: u32) -> Vec<u8> {
    let rng: &dyn Rng = &SystemRng;
    let mut bytes = vec![0; 1 + rng.below(most) as usize];
    rng.fill(&mut bytes);
    bytes
}

async fn flood(gossip: SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    for _ in 0..PACKETS {
        // A full buffer loses packets, as a network does.
        let _ = socket.send_to(&garbage(PACKET_MAX), gossip).await;
    }
}

/// Says it to a node, and waits until the node hangs up; or hangs up first.
async fn say(calls: SocketAddr, bytes: &[u8], waits: bool) {
    let mut stream = TcpStream::connect(calls).await.expect("it listens");
    // It may have hung up amid this.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    if waits {
        let ended = timeout(HANGS_UP_WITHIN, stream.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "it keeps a connection that brought garbage");
    }
}

#[tokio::test]
async fn garbage_at_the_ports_between_nodes_harms_nobody() {
    goes_unnoticed(async |fleet| {
        for peer in fleet.peers() {
            let peer = peer.parse().expect("an address");
            flood(peer).await;
            for number in 0..CONNECTIONS {
                let waits = number % 10 == 0;
                say(peer, &garbage(5_000), waits).await;
                say(peer, &HALF_A_GREETING, false).await;
            }
        }
    })
    .await;
}

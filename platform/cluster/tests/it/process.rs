//! Nodes in processes of their own, killed and stopped by signals.

use std::io::Read;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use shoal_cluster::Cluster;

use super::nodes::{Shoal, listed, sees};

const SEED: &str = "SHOAL_TEST_CLUSTER_SEED";
const NAME: &str = "SHOAL_TEST_CLUSTER_NAME";

/// A process that runs one node; killed when the test ends.
struct Process(Child);

impl Process {
    /// This test program again, of which only [`the_node_of_another_process`] runs.
    fn start(name: &str, seed: SocketAddr) -> Self {
        let program = std::env::current_exe().expect("we are a program");
        let child = Command::new(program)
            .args(["--exact", "process::the_node_of_another_process"])
            .env(SEED, seed.to_string())
            .env(NAME, name)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts again");
        Self(child)
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(status.expect("there is a kill").success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().expect("it is ours");
        self.0.wait().expect("it is ours");
    }
}

/// Does nothing unless it was started by [`Process::start`]; then it is a node until it is killed, or until the test
/// that started it ends however it may, and with it the pipe.
#[tokio::test]
async fn the_node_of_another_process() {
    let (Ok(seed), Ok(name)) = (std::env::var(SEED), std::env::var(NAME)) else { return };
    let _node: Cluster = Shoal::new(1, 1).join(&name, &[seed.parse().expect("an address")]).await;
    let end_of_input = || std::io::stdin().read_to_end(&mut Vec::new());
    tokio::task::spawn_blocking(end_of_input).await.expect("it only reads").expect("a pipe");
}

#[tokio::test]
async fn a_process_killed_with_signal_nine_gets_no_calls_after_two_seconds() {
    let anna = Shoal::new(1, 1).join("anna", &[]).await;
    let _bert = Process::start("bert", anna.gossip_address());
    let carl = Process::start("carl", anna.gossip_address());
    sees(&anna, &["anna", "bert", "carl"]).await;
    let begun = Instant::now();
    carl.signal("-KILL");
    sees(&anna, &["anna", "bert"]).await;
    assert!(begun.elapsed() < Duration::from_millis(2_600), "{:?}", begun.elapsed());
    assert_eq!(listed(&anna.directory()), ["anna", "bert", "carl"]);
}

#[tokio::test]
async fn a_process_that_was_stopped_for_a_while_comes_back() {
    let anna = Shoal::new(1, 1).join("anna", &[]).await;
    let bert = Process::start("bert", anna.gossip_address());
    sees(&anna, &["anna", "bert"]).await;
    bert.signal("-STOP");
    sees(&anna, &["anna"]).await;
    bert.signal("-CONT");
    sees(&anna, &["anna", "bert"]).await;
    assert_eq!(anna.counts().refused.total(), 0);
}

//! What does not belong: other clusters, wrong secrets, garbage, old packets, wrong clocks.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use shoal_cluster::Cluster;
use shoal_types::{Env, Rng, SeededRng};
use tokio::net::UdpSocket;
use tracing_subscriber::fmt::MakeWriter;

use super::nodes::{Shoal, Skewed, all_see, listed, ready, sees, until};

#[tokio::test]
async fn two_clusters_on_one_network_do_not_mix() {
    // The same secret, even: only the clusters' ids differ. And each has a node of the other for a seed.
    let (ours, theirs) = (Shoal::new(1, 1), Shoal::new(2, 1));
    let anna = ours.join("anna", &[]).await;
    let zoe = theirs.join("zoe", &[anna.gossip_address()]).await;
    let bert = ours.join("bert", &[zoe.gossip_address(), anna.gossip_address()]).await;
    let yann = theirs.join("yann", &[anna.gossip_address(), zoe.gossip_address()]).await;
    all_see(&[&anna, &bert], &["anna", "bert"]).await;
    all_see(&[&zoe, &yann], &["yann", "zoe"]).await;
    until("both refuse the other", || anna.counts().refused.foreign > 3 && zoe.counts().refused.foreign > 3)
        .await;
    assert_eq!(
        (listed(&anna.directory()), listed(&yann.directory())),
        (vec_of(["anna", "bert"]), vec_of(["yann", "zoe"]))
    );
}

fn vec_of<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).into()
}

#[tokio::test]
async fn a_wrong_secret_is_not_let_in_and_said_once() {
    let log = Log::default();
    let _logging = log.install();
    let anna = Shoal::new(1, 1).join("anna", &[]).await;
    let mallory = Shoal::new(1, 9).in_haste().join("mallory", &[anna.gossip_address()]).await;
    until("it knocks often", || anna.counts().refused.foreign > 5).await;
    assert_eq!(
        (ready(&anna.directory()), ready(&mallory.directory())),
        (vec_of(["anna"]), vec_of(["mallory"]))
    );
    assert_eq!(log.count("sealed with a key we do not have"), 1, "{}", log.text());
    until("it wonders itself", || log.count("no seed answers") == 1).await;
}

#[tokio::test]
async fn a_flood_of_garbage_harms_nobody_and_is_counted() {
    let shoal = Shoal::new(1, 1);
    let anna = shoal.join("anna", &[]).await;
    let bert = shoal.join("bert", &[anna.gossip_address()]).await;
    all_see(&[&anna, &bert], &["anna", "bert"]).await;
    let log = Log::default();
    let _logging = log.install();
    let changes = bert.directory().changed();
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let rng = SeededRng::new(3);
    let mut sent = 0;
    while anna.counts().refused.garbage < 20_000 {
        let mut packet = vec![0; 1 + sent % 1_500];
        rng.fill(&mut packet);
        socket.send_to(&packet, anna.gossip_address()).await.expect("sent");
        sent += 1;
        if sent % 50 == 0 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(
        (ready(&anna.directory()), ready(&bert.directory())),
        (vec_of(["anna", "bert"]), vec_of(["anna", "bert"]))
    );
    assert!(!changes.has_changed().expect("still there"), "anna was lost for a while");
    assert_eq!(log.count("not a packet of ours"), 1);
    let carl = shoal.join("carl", &[anna.gossip_address()]).await;
    sees(&carl, &["anna", "bert", "carl"]).await;
}

/// Passes packets between a node and its seed, and keeps them.
struct Relay {
    socket: Arc<UdpSocket>,
    address: SocketAddr,
    recorded: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Relay {
    async fn to(seed: SocketAddr) -> Self {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a free port"));
        let address = socket.local_addr().expect("bound");
        let recorded = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(Self::pass(socket.clone(), seed, recorded.clone()));
        Self { socket, address, recorded }
    }

    async fn pass(socket: Arc<UdpSocket>, seed: SocketAddr, recorded: Arc<Mutex<Vec<Vec<u8>>>>) {
        let (mut client, mut buffer) = (seed, vec![0; 2_000]);
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let packet = &buffer[..length];
            if from == seed {
                socket.send_to(packet, client).await.expect("passed on");
            } else {
                client = from;
                recorded.lock().expect("not poisoned").push(packet.to_vec());
                socket.send_to(packet, seed).await.expect("passed on");
            }
        }
    }

    async fn replay(&self, to: SocketAddr) -> u64 {
        let recorded = self.recorded.lock().expect("not poisoned").clone();
        for packet in &recorded {
            self.socket.send_to(packet, to).await.expect("sent");
        }
        recorded.len() as u64
    }
}

#[tokio::test]
async fn recorded_packets_sent_again_bring_nobody_back() {
    let shoal = Shoal::new(1, 1);
    let anna = shoal.join("anna", &[]).await;
    let relay = Relay::to(anna.gossip_address()).await;
    let bert = shoal.join("bert", &[relay.address]).await;
    // The relay is a seed that is no node, so bert asks it time and again.
    until("enough is recorded", || relay.recorded.lock().expect("not poisoned").len() > 3).await;
    all_see(&[&anna, &bert], &["anna", "bert"]).await;
    drop(bert);
    sees(&anna, &["anna"]).await;
    for packet in relay.recorded.lock().expect("not poisoned").iter() {
        let holds = |word: &[u8]| packet.windows(word.len()).any(|window| window == word);
        assert!(!holds(b"bert") && !holds(b"users") && !holds(b"0.1.0"), "it can be read on the way");
    }
    let changes = anna.directory().changed();
    let replayed = relay.replay(anna.gossip_address()).await;
    until("all are refused", || anna.counts().refused.replayed == replayed).await;
    assert!(!changes.has_changed().expect("still there"));
    assert_eq!(ready(&anna.directory()), ["anna"]);
}

#[tokio::test]
async fn a_clock_off_by_minutes_is_said_once_on_both_sides() {
    let log = Log::default();
    let _logging = log.install();
    let shoal = Shoal::new(1, 1);
    let anna = shoal.join("anna", &[]).await;
    let bert = shoal.join("bert", &[anna.gossip_address()]).await;
    let late = shoal.join_at("late", &[anna.gossip_address()], Skewed(300)).await;
    until("it is refused often", || anna.counts().refused.clock > 5).await;
    all_see(&[&anna, &bert], &["anna", "bert"]).await;
    assert_eq!(ready(&late.directory()), ["late"]);
    // One line of each side, each naming the other.
    let said = |node: &Cluster| {
        let text = log.text();
        let lines = text.lines().filter(|line| line.contains("the clocks are apart"));
        lines.filter(|line| line.contains(&format!("node={}", node.id()))).count()
    };
    until("both have said it", || said(&late) + said(&anna) >= 2).await;
    assert_eq!((said(&late), said(&anna)), (1, 1), "{}", log.text());
    let text = log.text();
    let line = text.lines().find(|line| line.contains("the clocks are apart")).expect("said");
    assert!(line.contains("their_clock=20") && line.contains("our_clock=20"), "{line}");
    assert!(line.contains("apart_s=299") || line.contains("apart_s=300"), "{line}");
}

#[tokio::test]
async fn a_clock_some_seconds_off_does_no_harm() {
    let shoal = Shoal::new(1, 1);
    let anna = shoal.join("anna", &[]).await;
    let bert = shoal.join_at("bert", &[anna.gossip_address()], Skewed(20)).await;
    all_see(&[&anna, &bert], &["anna", "bert"]).await;
    assert_eq!(anna.counts().refused.total() + bert.counts().refused.total(), 0);
    assert!(Env::system().now() < anna.directory().member(bert.id()).expect("listed").started_at);
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn install(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(self.clone()).finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("not poisoned")).into_owned()
    }

    fn count(&self, what: &str) -> usize {
        self.text().matches(what).count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

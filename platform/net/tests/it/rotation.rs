//! Certificates and authorities change while calls go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use shoal_net::identity::{Bundle, Identity, Rotation};
use shoal_net::rpc::{Client, Services, serve};
use shoal_types::wire::Peer;
use shoal_types::{Caller, Env, Fact};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use crate::cluster::{Node, bundle, call, client, code_of, identity};

/// Calls without a pause over an old connection, and again and again over new ones, until told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
    running: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(from: &Node, to: &Node) -> Self {
        let env = Env::system();
        let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let kept = client(&from.identity, to.address, &env);
        let (identity, address) = (from.identity.clone(), to.address);
        let callers: [Box<dyn Fn() -> Arc<Client> + Send>; 2] =
            [Box::new(move || kept.clone()), Box::new(move || client(&identity, address, &env))];
        let running = callers.map(|next_client| {
            let (stop, calls) = (stop.clone(), calls.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let answer = call(&next_client(), Caller::Anonymous, "say", "carp").await;
                    assert_eq!(answer, Ok("carp".into()), "after {calls:?} calls");
                    calls.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        Self { stop, calls, running: running.into() }
    }

    /// Waits until `count` further calls were answered.
    async fn go_on(&self, count: usize) {
        let goal = self.calls.load(Ordering::SeqCst) + count;
        while self.calls.load(Ordering::SeqCst) < goal && !self.running.iter().any(|load| load.is_finished())
        {
            tokio::task::yield_now().await;
        }
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        for running in self.running {
            running.await.expect("no call failed");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_is_replaced_under_load_without_a_failed_call() {
    let env = Env::system();
    let mut bundle = bundle(&env);
    let node = |bundle: &Bundle| identity(bundle, &["gateway", "users"], &env);
    let first = Node::start(node(&bundle), &env).await;
    let second = Node::start(node(&bundle), &env).await;
    let stranded = node(&bundle);
    let loads = [Load::start(&first, &second), Load::start(&second, &first)];
    let go_on = async || {
        for load in &loads {
            load.go_on(20).await;
        }
    };
    go_on().await;
    for expected in [Rotation::Announced, Rotation::Switched, Rotation::Settled] {
        bundle = bundle.rotated_ca(&env).rotated_gossip_key(&env);
        assert_eq!(bundle.ca_rotation(), expected);
        // The one has taken the step and the other has not, for a while.
        first.identity.reload(&bundle).expect("the same cluster");
        go_on().await;
        second.identity.reload(&bundle).expect("the same cluster");
        go_on().await;
    }
    for load in loads {
        load.stop().await;
    }
    assert_eq!(code_of(&stranded, first.address).await, "certificate_untrusted");
}

#[tokio::test]
async fn a_connection_outlives_the_trust_it_was_made_with() {
    let (node, bundle) = Node::alone().await;
    let env = Env::system();
    let old = identity(&bundle, &["gateway"], &env);
    let kept = client(&old, node.address, &env);
    assert_eq!(call(&kept, Caller::Anonymous, "say", "a").await, Ok("a".into()));
    let rotated = (0..3).fold(bundle, |bundle, _| bundle.rotated_ca(&env));
    node.identity.reload(&rotated).expect("the same cluster");
    assert_eq!(call(&kept, Caller::Anonymous, "say", "b").await, Ok("b".into()));
    // A new one is made from the beginning: no session of the old trust is taken up again.
    assert_eq!(code_of(&old, node.address).await, "certificate_untrusted");
}

#[tokio::test]
async fn a_node_stays_in_its_cluster() {
    let env = Env::system();
    let (ours, theirs) = (bundle(&env), bundle(&env));
    let identity: Identity = identity(&ours, &["users"], &env);
    assert_eq!(identity.reload(&theirs).expect_err("refused").code(), "bundle_of_other_cluster");
    assert_eq!(identity.cluster(), ours.cluster());
    assert!(identity.reload(&ours).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_made_anew_after_twelve_hours() {
    const PING: [u8; 13] = [0, 0, 0, 9, 6, 0, 0, 0, 0, 0, 0, 0, 0];
    const GO_AWAY: u8 = 8;
    let (mut client, server) = tokio::io::duplex(1_024);
    let (_draining, told) = watch::channel(false);
    tokio::spawn(serve(server, Peer::local(), Services::new(Env::system(), []), told));
    client.write_all(b"shoal/1\n").await.expect("written");
    client.read_exact(&mut [0; 8]).await.expect("a greeting");
    let mut age = Duration::ZERO;
    let told_to_go = loop {
        client.write_all(&PING).await.expect("written");
        let mut frame = [0; 13];
        client.read_exact(&mut frame).await.expect("an answer");
        if frame[4] == GO_AWAY {
            break age;
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
        age += Duration::from_secs(20);
    };
    let half_a_day = Duration::from_secs(12 * 60 * 60);
    assert!((half_a_day..=half_a_day + Duration::from_secs(20)).contains(&told_to_go), "{told_to_go:?}");
}

//! Two nodes in this process, one of which asks the other over mTLS on loopback.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::ensure;
use async_trait::async_trait;
use shoal_contract::nodes::{self, Ask, Cluster, Nodes, Vitals};
use shoal_net::identity::{Bundle, Identity, Tls};
use shoal_net::rpc::{Client, Connect, Door, Server, Services, Target};
use shoal_types::{Context, Env, Fault, NodeId};
use tokio::task::JoinSet;

use super::metered::{Meter, MeteredTls};
use crate::floor::echo::Sizes;
use crate::load::{Ended, Work};
use crate::shop::WITHIN;

/// Calls of which the sizes are the average. They share a context and hardly differ, so few are enough.
const SAMPLE: usize = 16;

/// A house that has its answer ready, so that a call costs what calling costs.
pub(super) struct Ready;

#[async_trait]
impl Nodes for Ready {
    async fn vitals(&self, _: &Context, _: Ask) -> Result<Vitals, Fault> {
        Ok(Vitals { cpu_permille: 250, memory_bytes: 64 << 20, in_flight: 3, ..Vitals::default() })
    }

    async fn cluster(&self, _: &Context, _: Ask) -> Result<Cluster, Fault> {
        Err(Fault::Forbidden {})
    }

    async fn drain(&self, _: &Context, _: Ask) -> Result<(), Fault> {
        Err(Fault::Forbidden {})
    }
}

/// Asks a house again and again, wherever it is.
pub(super) struct Caller {
    house: Arc<dyn Nodes>,
    cx: Context,
}

impl Caller {
    /// For a load that ends in good time before `cx` does.
    pub(super) fn new(house: Arc<dyn Nodes>, cx: Context) -> Self {
        Self { house, cx }
    }
}

impl Work for Caller {
    async fn once(&mut self, _: u64) -> Ended {
        // Behind the boxes the compiler cannot see which house it is, nor that nobody reads the answer.
        match black_box(&self.house).vitals(&self.cx, Ask {}).await {
            Ok(vitals) => {
                black_box(vitals);
                Ended::Done
            }
            Err(_) => Ended::Failed,
        }
    }
}

/// The two nodes. The one that answers is gone once this is dropped.
pub(super) struct Pair {
    pub(super) asks: Tls,
    pub(super) answers: Tls,
    env: Env,
    target: Target,
    _serving: JoinSet<()>,
}

impl Pair {
    pub(super) async fn start(env: &Env) -> anyhow::Result<Self> {
        let bundle = Bundle::create("bench", env)?;
        let node = NodeId::new(env);
        let answers = Identity::mint(&bundle, node, &["users"], env)?.tls();
        let asks = Identity::mint(&bundle, NodeId::new(env), &["gateway"], env)?.tls();
        let door = Door::open("127.0.0.1:0").await?;
        let target = Target { node, address: door.address() };
        let services = Services::new(env.clone(), [Arc::new(nodes::Local::new(Arc::new(Ready))) as Arc<_>]);
        let mut serving = JoinSet::new();
        serving.spawn(Server::behind(door, answers.clone(), services).run(std::future::pending(), WITHIN));
        Ok(Self { asks, answers, env: env.clone(), target, _serving: serving })
    }

    /// The house of the node that answers, as the other has it: one connection for all its callers.
    pub(super) fn remote(&self) -> nodes::Remote {
        self.remote_over(Arc::new(self.asks.clone()))
    }

    fn remote_over(&self, connect: Arc<dyn Connect>) -> nodes::Remote {
        let targets: Arc<[Target]> = [self.target].into();
        nodes::Remote::new(Arc::new(Client::new(self.env.clone(), connect, Arc::new(targets))))
    }

    /// How many bytes a call sends and reads, TLS not counted.
    pub(super) async fn sizes(&self, cx: &Context) -> anyhow::Result<Sizes> {
        let meter = Arc::new(Meter::default());
        let remote = self.remote_over(Arc::new(MeteredTls { tls: self.asks.clone(), meter: meter.clone() }));
        remote.vitals(cx, Ask {}).await?;
        let before = meter.sizes();
        for _ in 0..SAMPLE {
            remote.vitals(cx, Ask {}).await?;
        }
        let after = meter.sizes();
        let question = (after.question - before.question) / SAMPLE;
        let answer = (after.answer - before.answer) / SAMPLE;
        ensure!(question > 0 && answer > 0, "a call between nodes must send something");
        Ok(Sizes { question, answer })
    }
}

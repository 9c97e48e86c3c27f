//! Many nodes as one shop, each a process of its own over one PostgreSQL server: what they cost, how they come, go, die
//! and are overrun.

mod cpu;
mod crowd;
mod gossip;
mod join;
mod kill;
mod nodes;
mod overload;
mod pin;
mod rest;
mod restart;
mod timeline;

use clap::ValueEnum;

use crate::command::Plan;
use crate::report::Report;
use crate::scenario::calls;
use crate::shop::{PLENTY, Shop, line, purchase};

const NAME: &str = "cluster";
/// Many enough that buyers seldom meet at a shelf.
const SKUS: usize = 128;
/// What every node can do.
const ALL: &str = "all";
/// What a node does behind gateways.
const HOUSES: &str = "users,products,orders,checkout";
/// A product that any gateway can show.
const A_PRODUCT: &str = "/v1/products/bench-0";

/// A part of the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// A call in this process, and between nodes.
    Calls,
    /// A hundred nodes find each other.
    Gossip,
    /// What nodes use that have nothing to do.
    Idle,
    /// CPU of a checkout with 1, 3, 5 and 9 nodes.
    Cpu,
    /// How soon a new node takes traffic.
    Join,
    /// A node is killed under load.
    Kill,
    /// Every node is restarted under load.
    Restart,
    /// Five times as many checkouts as there can be.
    Overload,
}

impl Part {
    /// Whether it needs a PostgreSQL server.
    pub(crate) fn needs_data(self) -> bool {
        !matches!(self, Self::Calls | Self::Gossip)
    }
}

/// Runs the parts of the plan, all if it names none.
pub(crate) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let parts = if plan.parts.is_empty() { Part::value_variants() } else { &plan.parts };
    report.add(NAME, "load of the machine before (1 minute)", load_average(), "");
    for part in parts {
        let name = part.to_possible_value().map_or_else(String::new, |it| it.get_name().into());
        eprintln!("measuring cluster {name} ...");
        match part {
            Part::Calls => calls::run(plan, report).await?,
            Part::Gossip => gossip::run(plan, report).await?,
            Part::Idle => rest::run(plan, report).await?,
            Part::Cpu => cpu::run(plan, report).await?,
            Part::Join => join::run(plan, report).await?,
            Part::Kill => kill::run(plan, report).await?,
            Part::Restart => restart::run(plan, report).await?,
            Part::Overload => overload::run(plan, report).await?,
        }
    }
    report.add(NAME, "load of the machine after (1 minute)", load_average(), "");
    Ok(())
}

/// A shop's data with products to buy: where they are, gone when dropped, and what to send for a checkout of each.
async fn stocked(plan: &Plan) -> anyhow::Result<(crate::ground::Plot, Vec<bytes::Bytes>)> {
    let shop = Shop::open(plan).await?;
    let mut purchases = Vec::new();
    for number in 0..SKUS {
        let sku = format!("BENCH-{number}");
        shop.product(&sku, PLENTY).await?;
        purchases.push(serde_json::to_vec(&purchase(vec![line(&sku, 1)]))?.into());
    }
    Ok((shop.close().await, purchases))
}

/// Processes that wanted to run in the last minute, on average; 0 where `/proc` does not tell.
fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

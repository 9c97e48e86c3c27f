use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::crowd::{Crowd, Until};
use super::nodes::Nodes;
use super::{ALL, NAME, stocked};
use crate::command::Plan;
use crate::ground::Plot;
use crate::report::{Report, Target, median};
use crate::usage::CpuMeter;

/// So many nodes share the same load, in this order; every other round backwards.
const COUNTS: [usize; 4] = [1, 3, 5, 9];
/// Checkouts a second, far below what one node can do.
const RATE: u32 = 300;
/// Until statements are prepared and caches filled.
const WARM_UP: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(10);

/// What so many nodes used.
struct Cost {
    nodes: usize,
    /// CPU of all nodes for each checkout, in microseconds; that of the database server; that of the nodes at rest, for as
    /// long as a checkout's share of the load lasts.
    each_us: f64,
    server_us: f64,
    idle_us: f64,
    p50_ms: f64,
    failed: f64,
}

/// CPU of a checkout, all nodes taken together, at the same total rate.
pub(super) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let (plot, purchases) = stocked(plan).await?;
    let mut rounds: Vec<Vec<Cost>> = Vec::new();
    for round in 0..plan.rounds {
        let mut costs = Vec::new();
        let mut counts = COUNTS;
        if round % 2 == 1 {
            counts.reverse();
        }
        for count in counts {
            costs.push(measure(plan, &plot, &purchases, count).await?);
        }
        costs.sort_by_key(|cost| cost.nodes);
        rounds.push(costs);
    }
    tell(plan, &rounds, report);
    Ok(())
}

fn rate(plan: &Plan) -> f64 {
    plan.rate.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(RATE).max(1).into()
}

async fn measure(plan: &Plan, plot: &Plot, purchases: &[Bytes], count: usize) -> anyhow::Result<Cost> {
    let nodes = Nodes::start(plot, &vec![ALL; count]).await?;
    let rate = rate(plan);
    let crowd = Arc::new(Crowd::new(nodes.doors(), purchases, PATIENCE));
    crowd.open(rate, Until::after(WARM_UP)).await?;
    let meters: Vec<CpuMeter> = nodes.pids().into_iter().map(CpuMeter::start).collect();
    let server = plot.database()?.server().pid().map(CpuMeter::of_family);
    let measured = crowd.open(rate, Until::after(plan.time)).await?;
    let whole = measured.whole();
    let done = (whole.len() - whole.failed()) as u64;
    let sum = |meters: &[CpuMeter], count: u64| meters.iter().map(|meter| meter.us_each(count)).sum();
    let (each_us, server_us) = (sum(&meters, done), server.map_or(0.0, |server| server.us_each(done)));
    let (p50_ms, failed) = (whole.latency_ms(0.5), whole.failed() as f64);
    // Reconcilers and relays have nothing left by then.
    tokio::time::sleep(WARM_UP).await;
    let meters: Vec<CpuMeter> = nodes.pids().into_iter().map(CpuMeter::start).collect();
    tokio::time::sleep(plan.time).await;
    let idle_us = sum(&meters, (rate * plan.time.as_secs_f64()) as u64);
    Ok(Cost { nodes: count, each_us, server_us, idle_us, p50_ms, failed })
}

fn tell(plan: &Plan, rounds: &[Vec<Cost>], report: &mut Report) {
    report.add(NAME, "CPU: checkouts asked for, all nodes together", rate(plan), "/s");
    for (index, count) in COUNTS.into_iter().enumerate() {
        let middle = |of: fn(&Cost) -> f64| median(rounds.iter().map(|round| of(&round[index])).collect());
        let what = format!("CPU a checkout, {count} nodes");
        report.add(NAME, &what, middle(|cost| cost.each_us), "us");
        report.add(NAME, format!("{what}, of that at rest too"), middle(|cost| cost.idle_us), "us");
        report.add(NAME, format!("{what}, of PostgreSQL besides"), middle(|cost| cost.server_us), "us");
        report.add(NAME, format!("{what}, p50"), middle(|cost| cost.p50_ms), "ms");
        let failed = rounds.iter().map(|round| round[index].failed).sum::<f64>();
        if failed > 0.0 {
            report.add(NAME, format!("{what}, failed"), failed, "requests");
        }
        if index > 0 {
            let times = |of: fn(&Cost) -> f64| {
                median(rounds.iter().map(|round| of(&round[index]) / of(&round[0])).collect())
            };
            let (all, busy) = (times(|cost| cost.each_us), times(|cost| cost.each_us - cost.idle_us));
            let what = format!("CPU a checkout, {count} nodes, of that with 1");
            report.judge(NAME, &what, (all, "times"), Target::AtMost(1.1));
            report.add(NAME, format!("{what}, without what is used at rest"), busy, "times");
            let server = times(|cost| cost.server_us);
            report.add(NAME, format!("CPU of PostgreSQL, {count} nodes, of that with 1"), server, "times");
        }
    }
}

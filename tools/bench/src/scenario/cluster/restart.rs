use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::crowd::{Crowd, Until};
use super::nodes::Nodes;
use super::timeline::Timeline;
use super::{ALL, HOUSES, NAME, stocked};
use crate::command::Plan;
use crate::ground::Plot;
use crate::report::{Report, Target};

/// Checkouts a second.
const RATE: u32 = 300;
/// Load before the first node is told to end and after the last one is back.
const AROUND: Duration = Duration::from_secs(3);
/// More than any restart of all nodes takes.
const AT_MOST: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(5);

/// Restarts every node under load, one after the other, each as soon as the one before says that it is ready.
pub(super) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let (plot, purchases) = stocked(plan).await?;
    let equal: (&str, &[&'static str]) = ("restart of 3 equal nodes", &[ALL; 3]);
    let behind: (&str, &[&'static str]) =
        ("restart of 2 gateways and 3 nodes behind", &["gateway", "gateway", HOUSES, HOUSES, HOUSES]);
    for (what, roles) in [equal, behind] {
        let (mut sent, mut failed, mut lost, mut took) = (0, 0, 0, Vec::new());
        for _ in 0..plan.rounds {
            let (timeline, lasted) = one(plan, &plot, &purchases, roles).await?;
            let whole = timeline.whole();
            if whole.failed() > 0 {
                eprintln!("{what}: {}", whole.failures());
            }
            (sent, failed, lost) = (sent + whole.len(), failed + whole.failed(), lost + whole.lost());
            took.push(lasted.as_secs_f64());
        }
        report.add(NAME, format!("{what}: time of all, longest"), took.into_iter().fold(0.0, f64::max), "s");
        report.add(NAME, format!("{what}: checkouts meanwhile, all rounds"), sent as f64, "requests");
        report.judge(NAME, format!("{what}: failed"), (failed as f64, "requests"), Target::AtMost(0.0));
        report.judge(
            NAME,
            format!("{what}: failed after repeats"),
            (lost as f64, "requests"),
            Target::AtMost(0.0),
        );
    }
    Ok(())
}

async fn one(
    plan: &Plan,
    plot: &Plot,
    purchases: &[Bytes],
    roles: &[&'static str],
) -> anyhow::Result<(Timeline, Duration)> {
    let mut nodes = Nodes::start(plot, roles).await?;
    let rate = plan.rate.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(RATE);
    let crowd = Arc::new(Crowd::new(nodes.doors(), purchases, PATIENCE).persistent());
    let until = Until::after(AT_MOST);
    let load = tokio::spawn({
        let (crowd, until) = (crowd.clone(), until.clone());
        async move { crowd.open(f64::from(rate), until).await }
    });
    tokio::time::sleep(AROUND).await;
    let begin = tokio::time::Instant::now();
    for node in 0..nodes.count() {
        nodes.terminate(node).await?;
        nodes.spawn(node)?;
        nodes.ready(node).await?;
    }
    let lasted = begin.elapsed();
    tokio::time::sleep(AROUND).await;
    until.stop();
    let timeline = load.await??;
    if !crowd.errors().is_empty() {
        eprintln!("answered: {}", crowd.errors());
    }
    Ok((timeline, lasted))
}

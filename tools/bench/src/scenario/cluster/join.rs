use std::time::Duration;

use super::nodes::Nodes;
use super::{ALL, HOUSES, NAME, stocked};
use crate::command::Plan;
use crate::ground::Plot;
use crate::report::{Report, Target, median};

/// How often each way to join is tried in a round.
const TRIES: u32 = 3;

/// From the start of a node's process until it takes traffic.
pub(super) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let (plot, _) = stocked(plan).await?;
    let (mut alone, mut fourth, mut behind) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds * TRIES {
        alone.push(seconds(one_alone(&plot).await?));
        fourth.push(seconds(one_more(&plot).await?));
        behind.push(seconds(one_behind(&plot).await?));
    }
    let floor = "join: floor: start to first answer, a node that has nobody to join";
    report.add(NAME, floor, median(alone), "s");
    for (what, took) in [
        ("join: start of a fourth node to its first public answer", fourth),
        ("join: start of a node behind a gateway to the first call served", behind),
    ] {
        let worst = took.iter().copied().fold(0.0, f64::max);
        report.judge(NAME, what, (median(took), "s"), Target::AtMost(3.0));
        report.judge(NAME, format!("{what}, slowest"), (worst, "s"), Target::AtMost(3.0));
    }
    Ok(())
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

async fn one_alone(plot: &Plot) -> anyhow::Result<Duration> {
    let mut nodes = Nodes::plan(plot, &[ALL])?;
    let begin = nodes.spawn(0)?;
    nodes.shows(0).await?;
    Ok(begin.elapsed())
}

/// A node that joins three equal ones.
async fn one_more(plot: &Plot) -> anyhow::Result<Duration> {
    let mut nodes = Nodes::plan(plot, &[ALL; 4])?;
    nodes.come_up(3).await?;
    let begin = nodes.spawn(3)?;
    nodes.shows(3).await?;
    Ok(begin.elapsed())
}

/// The first node with houses behind a gateway, which shows a product as soon as it can call it.
async fn one_behind(plot: &Plot) -> anyhow::Result<Duration> {
    let mut nodes = Nodes::plan(plot, &["gateway", HOUSES])?;
    nodes.spawn(0)?;
    nodes.ready(0).await?;
    let begin = nodes.spawn(1)?;
    nodes.shows(0).await?;
    Ok(begin.elapsed())
}

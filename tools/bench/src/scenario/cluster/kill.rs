use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::crowd::{Crowd, Until};
use super::nodes::Nodes;
use super::timeline::{Outcome, Timeline};
use super::{ALL, HOUSES, NAME, stocked};
use crate::command::Plan;
use crate::ground::Plot;
use crate::report::{Report, Target, median};

/// Checkouts a second.
const RATE: u32 = 300;
const WARM_UP: Duration = Duration::from_secs(3);
/// What is normal is seen in this time, before the node dies.
const BEFORE: Duration = Duration::from_secs(5);
/// The time after its death in which requests are counted.
const AFTER: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(5);

/// What one death showed.
struct Death {
    timeline: Timeline,
    /// From the beginning of the load.
    died: Duration,
}

/// Kills a node under load, of equal ones and behind gateways.
pub(super) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let (plot, purchases) = stocked(plan).await?;
    let equal: (&str, &[&'static str], usize) = ("kill of one of 3 equal nodes", &[ALL; 3], 0);
    let behind: (&str, &[&'static str], usize) =
        ("kill of one of 3 nodes behind 2 gateways", &["gateway", "gateway", HOUSES, HOUSES, HOUSES], 2);
    for (what, roles, first) in [equal, behind] {
        let mut deaths = Vec::new();
        for round in 0..plan.rounds as usize {
            deaths.push(one(plan, &plot, &purchases, roles, first + round % 3).await?);
        }
        tell(what, &deaths, report);
    }
    Ok(())
}

async fn one(
    plan: &Plan,
    plot: &Plot,
    purchases: &[Bytes],
    roles: &[&'static str],
    victim: usize,
) -> anyhow::Result<Death> {
    let mut nodes = Nodes::start(plot, roles).await?;
    let rate = plan.rate.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(RATE);
    let crowd = Arc::new(Crowd::new(nodes.doors(), purchases, PATIENCE).persistent());
    let until = Until::after(WARM_UP + BEFORE + AFTER + Duration::from_secs(1));
    let load = tokio::spawn({
        let crowd = crowd.clone();
        async move { crowd.open(f64::from(rate), until).await }
    });
    tokio::time::sleep(WARM_UP + BEFORE).await;
    let died = Instant::now();
    nodes.kill(victim).await?;
    let timeline = load.await??;
    if !crowd.errors().is_empty() {
        eprintln!("answered: {}", crowd.errors());
    }
    Ok(Death { died: timeline.at(died), timeline })
}

fn tell(what: &str, deaths: &[Death], report: &mut Report) {
    let before = |death: &Death| death.died.saturating_sub(BEFORE);
    let sum = |of: &dyn Fn(&Death) -> usize| deaths.iter().map(of).sum::<usize>() as f64;
    let earlier = sum(&|it| it.timeline.ended_by(it.died).failed());
    report.add(NAME, format!("{what}: floor: failed before, all rounds"), earlier, "requests");
    let sent = sum(&|it| it.timeline.since(it.died, AFTER).len());
    let touched = format!("{what}: checkouts under way then or sent in the 10 s after, all rounds");
    report.add(NAME, touched, sent, "requests");
    let cut = sum(&|it| it.timeline.since(it.died, AFTER).count(Outcome::Cut));
    report.add(NAME, format!("{what}: cut off on connections to it"), cut, "requests");
    let failed = sum(&|it| it.timeline.since(it.died, AFTER).failed());
    report.add(NAME, format!("{what}: failed otherwise"), failed - cut, "requests");
    let share = 100.0 * failed / sent.max(1.0);
    report.judge(NAME, format!("{what}: failed without a repeat"), (share, "%"), Target::AtMost(0.1));
    let lost = deaths.iter().map(|it| it.timeline.whole().lost()).sum::<usize>() as f64;
    report.judge(NAME, format!("{what}: failed after repeats"), (lost, "requests"), Target::AtMost(0.0));
    for death in deaths.iter().filter(|it| it.timeline.whole().failed() > 0) {
        eprintln!("{what}: {}", death.timeline.whole().failures());
    }
    let back = |death: &Death| {
        let normal = death.timeline.normal(before(death), BEFORE);
        death.timeline.recovered(normal, death.died, AFTER).as_secs_f64()
    };
    let middle = |of: &dyn Fn(&Death) -> f64| median(deaths.iter().map(of).collect());
    report.judge(NAME, format!("{what}: until normal again"), (middle(&back), "s"), Target::AtMost(2.0));
    let worst = deaths.iter().map(back).fold(0.0, f64::max);
    report.judge(NAME, format!("{what}: until normal again, slowest"), (worst, "s"), Target::AtMost(2.0));
    let usual = |death: &Death| death.timeline.stretch(before(death), BEFORE).latency_ms(0.5);
    report.add(NAME, format!("{what}: p50 before"), middle(&usual), "ms");
    let second = |death: &Death| death.timeline.stretch(death.died, Duration::from_secs(1)).latency_ms(0.99);
    report.add(NAME, format!("{what}: p99 in the second after"), middle(&second), "ms");
}

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::crowd::{Crowd, Until};
use super::nodes::Nodes;
use super::pin::Halves;
use super::timeline::Timeline;
use super::{ALL, NAME, stocked};
use crate::command::Plan;
use crate::ground::Plot;
use crate::report::{Report, Target, median};

/// A client gives up after so long, and whoever is answered later counts as failed.
const PATIENCE: Duration = Duration::from_secs(1);
/// Clients of the closed loops; the best of them is the peak.
const CLIENTS: [u32; 4] = [16, 32, 64, 128];
/// How long each of them is tried.
const TRIED_FOR: Duration = Duration::from_secs(4);
/// How many times the peak is offered.
const TIMES: f64 = 5.0;
/// The share of the peak that is offered before and after.
const USUAL: f64 = 0.5;
/// How long the usual load lasts before, the overload, and the usual load after.
const BEFORE: Duration = Duration::from_secs(5);
const OVER: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(10);
/// After which its beginning, when the nodes find their limits, is over.
const FOUND: Duration = Duration::from_secs(2);

/// What one round showed.
struct Round {
    peak: f64,
    clients: u32,
    offered: f64,
    /// Checkouts a second that were done in time, of all the overload, and when it had begun a while ago.
    goodput: f64,
    goodput_later: f64,
    p50_ms: f64,
    back_s: f64,
    latency_max_ms: f64,
    failures: String,
}

/// Offers five times what three equal nodes can do.
pub(super) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let (plot, purchases) = stocked(plan).await?;
    let halves = Halves::find()?;
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        let round = one(&plot, &purchases, halves.as_ref()).await;
        if let Some(halves) = &halves {
            halves.free(std::process::id());
            server_pids(&plot)?.into_iter().for_each(|pid| halves.free(pid));
        }
        rounds.push(round?);
    }
    tell(&rounds, halves.is_some(), report);
    Ok(())
}

async fn one(plot: &Plot, purchases: &[Bytes], halves: Option<&Halves>) -> anyhow::Result<Round> {
    let nodes = Nodes::start(plot, &[ALL; 3]).await?;
    if let Some(halves) = halves {
        nodes.pids().into_iter().chain(server_pids(plot)?).for_each(|pid| halves.shop(pid));
        halves.load();
    }
    let crowd = Arc::new(Crowd::new(nodes.doors(), purchases, PATIENCE));
    crowd.closed(CLIENTS[0], Until::after(TRIED_FOR)).await?;
    let (mut peak, mut clients) = (0.0, 0);
    for count in CLIENTS {
        let rate =
            crowd.closed(count, Until::after(TRIED_FOR)).await?.stretch(Duration::ZERO, TRIED_FOR).rate();
        if rate > peak {
            (peak, clients) = (rate, count);
        }
    }
    let before = crowd.open(peak * USUAL, Until::after(BEFORE)).await?;
    let over = overload(&crowd, peak).await?;
    let (during, after) = over;
    let normal = before.normal(Duration::from_secs(1), BEFORE.saturating_sub(Duration::from_secs(1)));
    let whole = during.stretch(Duration::ZERO, OVER);
    Ok(Round {
        peak,
        clients,
        offered: whole.len() as f64 / OVER.as_secs_f64(),
        goodput: during.ended_in(Duration::ZERO, OVER).rate(),
        goodput_later: during.ended_in(FOUND, OVER.saturating_sub(FOUND)).rate(),
        p50_ms: whole.latency_ms(0.5),
        back_s: after.recovered(normal, Duration::ZERO, AFTER).as_secs_f64(),
        latency_max_ms: normal.latency_max_ms(),
        failures: whole.failures(),
    })
}

/// The overload and the usual load after it, which begins while answers of the overload are still awaited.
async fn overload(crowd: &Arc<Crowd>, peak: f64) -> anyhow::Result<(Timeline, Timeline)> {
    let during = tokio::spawn({
        let crowd = crowd.clone();
        async move { crowd.open(peak * TIMES, Until::after(OVER)).await }
    });
    tokio::time::sleep(OVER).await;
    let after = crowd.open(peak * USUAL, Until::after(AFTER)).await?;
    Ok((during.await??, after))
}

/// The processes of the database server, if it is on this machine.
fn server_pids(plot: &Plot) -> anyhow::Result<Vec<u32>> {
    Ok(plot.database()?.server().pid().map(crate::usage::family_pids).unwrap_or_default())
}

fn tell(rounds: &[Round], pinned: bool, report: &mut Report) {
    let middle = |of: fn(&Round) -> f64| median(rounds.iter().map(of).collect());
    let place = if pinned { "shop and load on halves of the processors" } else { "all on one processor" };
    report.add(NAME, format!("overload: peak of a closed loop, {place}"), middle(|it| it.peak), "/s");
    report.add(NAME, "overload: clients of that loop", middle(|it| it.clients.into()), "clients");
    report.add(NAME, "overload: offered", middle(|it| it.offered), "/s");
    report.add(NAME, "overload: done within 1 s", middle(|it| it.goodput), "/s");
    let share = |of: fn(&Round) -> f64| median(rounds.iter().map(|it| 100.0 * of(it) / it.peak).collect());
    report.judge(
        NAME,
        "overload: done within 1 s, of the peak",
        (share(|it| it.goodput), "%"),
        Target::AtLeast(90.0),
    );
    report.add(NAME, "overload: the same without its first 2 s", share(|it| it.goodput_later), "%");
    report.add(NAME, "overload: p50 of all answers, refusals included", middle(|it| it.p50_ms), "ms");
    report.add(NAME, "overload: p90 that is normal at half the peak", middle(|it| it.latency_max_ms), "ms");
    report.judge(NAME, "overload: until normal after it", (middle(|it| it.back_s), "s"), Target::AtMost(5.0));
    for round in rounds {
        eprintln!("overload: peak {:.0}/s, offered {:.0}/s: {}", round.peak, round.offered, round.failures);
    }
}

//! What a call costs: within a process, and between nodes next to a bare echo over the same TLS.

mod metered;
mod pair;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use hdrhistogram::Histogram;
use shoal_contract::nodes::Nodes;
use shoal_types::{Context, Env};

use crate::command::Plan;
use crate::floor::echo::{Asker, Echo, Sizes};
use crate::load::{self, Ended, Work};
use crate::report::{Report, Target, median};
use crate::shop::WITHIN;
use crate::usage::CpuMeter;
use pair::{Caller, Pair, Ready};

const NAME: &str = "calls";

/// How many callers there are at the same time: one alone, and as many as fill a connection's batches.
const CALLERS: [usize; 2] = [1, 64];

/// Calls of a kind that cost well under a microsecond, between two looks at the time that is left.
const BATCH: u32 = 1_000;

/// A call in this process; then calls between nodes and the echo of as many bytes, in turn.
pub(crate) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let env = Env::system();
    // One for all calls of a load: drawing its ids is the caller's work, not the call's.
    let cx = || Context::system(&env, plan.time + WITHIN);
    let caller = |house: &Arc<dyn Nodes>| Caller::new(Arc::clone(house), cx());
    here(caller(&(Arc::new(Ready) as Arc<dyn Nodes>)), plan.time, report).await?;

    let pair = Pair::start(&env).await?;
    let sizes = pair.sizes(&cx()).await?;
    report.add(NAME, "bytes that a call sends", sizes.question as f64, "bytes");
    report.add(NAME, "bytes that a call reads", sizes.answer as f64, "bytes");
    let echo = Echo::start(pair.answers.clone(), sizes).await?;
    let remote: Arc<dyn Nodes> = Arc::new(pair.remote());
    for callers in CALLERS {
        let (mut bare, mut calls) = (Rounds::default(), Rounds::default());
        for _ in 0..plan.rounds {
            bare.add(askers(&pair, &echo, sizes, callers).await?, plan.time).await?;
            calls.add((0..callers).map(|_| caller(&remote)).collect(), plan.time).await?;
        }
        bare.report(&format!("floor: echo over mTLS, {callers} at once"), report);
        calls.report(&format!("call over mTLS, {callers} at once"), report);
        let times = |of: fn(&Figures) -> f64, more: &Rounds, less: &Rounds| {
            median(more.0.iter().zip(&less.0).map(|(more, less)| of(more) / of(less)).collect())
        };
        // Less calls a second is more time for each.
        let time = times(|figures| figures.rate, &bare, &calls);
        report.judge(
            NAME,
            format!("time a call, {callers} at once, of the echo's"),
            (time, "times"),
            Target::AtMost(3.0),
        );
        let cpu = times(|figures| figures.cpu_us, &calls, &bare);
        report.add(NAME, format!("CPU a call, {callers} at once, of the echo's"), cpu, "times");
    }
    Ok(())
}

async fn askers(pair: &Pair, echo: &Echo, sizes: Sizes, count: usize) -> anyhow::Result<Vec<Asker>> {
    let mut askers = Vec::new();
    for _ in 0..count {
        askers.push(Asker::connect(&pair.asks, echo, sizes).await?);
    }
    Ok(askers)
}

/// A call through the contract's trait that stays in this process.
async fn here(mut caller: Caller, time: Duration, report: &mut Report) -> anyhow::Result<()> {
    // From 1 ns to 1 s, three significant digits.
    let mut took_ns = Histogram::<u64>::new_with_bounds(1, 1_000_000_000, 3)?;
    let begin = Instant::now();
    while begin.elapsed() < time {
        for _ in 0..BATCH {
            let called = Instant::now();
            ensure!(caller.once(0).await == Ended::Done, "a call in this process failed");
            took_ns.saturating_record(u64::try_from(called.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1));
        }
    }
    let mean = begin.elapsed().as_secs_f64() * 1e6 / took_ns.len() as f64;
    report.judge(NAME, "call in this process, clock included", (mean, "us"), Target::AtMost(2.0));
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99)] {
        let us = took_ns.value_at_quantile(quantile) as f64 / 1e3;
        report.add(NAME, format!("call in this process, {name}"), us, "us");
    }
    Ok(())
}

/// What the rounds of one load showed.
#[derive(Default)]
struct Rounds(Vec<Figures>);

struct Figures {
    rate: f64,
    p50_us: f64,
    p99_us: f64,
    /// Of both ends and the load.
    cpu_us: f64,
}

impl Rounds {
    /// Runs the load once.
    async fn add<W: Work>(&mut self, clients: Vec<W>, time: Duration) -> anyhow::Result<()> {
        let meter = CpuMeter::start(std::process::id());
        let measured = load::closed(clients, time).await?;
        let cpu_us = meter.us_each(measured.done);
        ensure!(measured.failed == 0, "{} calls failed", measured.failed);
        self.0.push(Figures {
            rate: measured.rate(),
            p50_us: measured.latency_us(0.5),
            p99_us: measured.latency_us(0.99),
            cpu_us,
        });
        Ok(())
    }

    /// Adds the medians.
    fn report(&self, what: &str, report: &mut Report) {
        let middle = |of: fn(&Figures) -> f64| median(self.0.iter().map(of).collect());
        report.add(NAME, what, middle(|figures| figures.rate), "/s");
        report.add(NAME, format!("{what}, p50"), middle(|figures| figures.p50_us), "us");
        report.add(NAME, format!("{what}, p99"), middle(|figures| figures.p99_us), "us");
        report.add(NAME, format!("{what}, CPU of both ends"), middle(|figures| figures.cpu_us), "us");
    }
}

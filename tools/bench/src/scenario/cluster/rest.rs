use std::time::Duration;

use super::nodes::Nodes;
use super::{ALL, NAME, stocked};
use crate::command::Plan;
use crate::ground::{Database, connect};
use crate::report::{Report, Target, median};
use crate::usage::{CpuMeter, resident};

const COUNTS: [usize; 2] = [3, 9];
/// How long nodes are left alone: first, until nothing of their start is left to do or to count, as PostgreSQL counts what a
/// connection did last up to ten seconds later; then, until they are looked at again.
const SETTLE: Duration = Duration::from_secs(20);
const REST: Duration = Duration::from_secs(20);

/// What nodes use while nobody asks them anything.
pub(super) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let (plot, _) = stocked(plan).await?;
    let database = plot.database()?;
    for count in COUNTS {
        let nodes = Nodes::start(&plot, &vec![ALL; count]).await?;
        tokio::time::sleep(SETTLE).await;
        let meters: Vec<CpuMeter> = nodes.pids().into_iter().map(CpuMeter::start).collect();
        let before = transactions(database).await?;
        tokio::time::sleep(REST).await;
        let asked = transactions(database).await? - before;
        // Microseconds for each millisecond are thousandths of a processor.
        let each_ms = u64::try_from(REST.as_millis())?;
        let shares: Vec<f64> = meters.iter().map(|meter| meter.us_each(each_ms) / 10.0).collect();
        report.add(NAME, format!("idle: CPU of a node, {count} nodes"), median(shares), "%");
        let memory =
            nodes.pids().into_iter().filter_map(resident).map(|bytes| bytes as f64 / f64::from(1 << 20));
        report.add(NAME, format!("idle: memory of a node, {count} nodes"), median(memory.collect()), "MiB");
        let rate = asked / REST.as_secs_f64();
        let what = format!("idle: transactions of all at PostgreSQL, {count} nodes");
        report.judge(NAME, what, (rate, "/s"), Target::AtMost(1.0));
    }
    Ok(())
}

/// Transactions of this database so far; a statement alone is one too. Asked from another database, so as not to count
/// itself.
async fn transactions(database: &Database) -> anyhow::Result<f64> {
    let client = connect(&database.server().url()).await?;
    let text = "select (xact_commit + xact_rollback)::float8 from pg_stat_database where datname = $1";
    Ok(client.query_one(text, &[&database.name()]).await?.try_get(0)?)
}

use anyhow::ensure;

use crate::command::Plan;
use crate::http::{Connection, Served, get};
use crate::load::{self, Ended, Work};
use crate::report::{Report, Target, median};
use crate::shop::{PLENTY, Shop};
use crate::usage::CpuMeter;

const PATH: &str = "/v1/products/bench-browse";

/// A client that asks for the same product again and again.
struct Reader(Connection);

impl Work for Reader {
    async fn once(&mut self, _: u64) -> Ended {
        let answer = match get(PATH) {
            Ok(request) => self.0.send(request).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok((200, _)) => Ended::Done,
            _ => Ended::Failed,
        }
    }
}

/// A cached product over HTTP and the same bytes from a bare handler, in turn.
pub(crate) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let shop = Shop::open(plan).await?;
    shop.product("BENCH-BROWSE", PLENTY).await?;
    let plot = shop.close().await;
    let served = Served::shop(&plot).await?;
    let (status, body) = Connection::open(served.address).await?.send(get(PATH)?).await?;
    ensure!(status == 200, "the product to read answers {status}");
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &body)?;
    let floor = Served::start(&["bench", "--floor-server", &file.path().to_string_lossy()]).await?;

    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    let (mut reads_cost, mut last) = (Vec::new(), None);
    for _ in 0..plan.rounds {
        let (bare, bare_cost) = measure(plan, &floor).await?;
        let (reads, cost) = measure(plan, &served).await?;
        ensure!(reads.failed == 0 && bare.failed == 0, "reads failed: {} and {}", reads.failed, bare.failed);
        rates.push(100.0 * reads.rate() / bare.rate());
        costs.push(100.0 * bare_cost / cost);
        reads_cost.push(cost);
        last = Some((reads, bare));
    }
    if let Some((reads, bare)) = last {
        report.measured("browse", "cached product read", &reads);
        report.measured("browse", "floor: bare axum handler", &bare);
    }
    report.judge("browse", "reads a second, share of the floor", (median(rates), "%"), Target::AtLeast(70.0));
    report.add("browse", "CPU of the floor, share of a read's", median(costs), "%");
    report.judge("browse", "CPU a read", (median(reads_cost), "us"), Target::AtMost(25.0));
    served.stop().await?;
    floor.stop().await
}

/// The load, and the server's CPU time for each request in microseconds.
async fn measure(plan: &Plan, served: &Served) -> anyhow::Result<(load::Measured, f64)> {
    let mut clients = Vec::new();
    for _ in 0..plan.clients {
        clients.push(Reader(Connection::open(served.address).await?));
    }
    let meter = CpuMeter::start(served.pid());
    let measured = load::closed(clients, plan.time).await?;
    let cost = meter.us_each(measured.done);
    Ok((measured, cost))
}

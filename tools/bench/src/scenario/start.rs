use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::command::Plan;
use crate::http::{Connection, Served, get};
use crate::report::{Report, Target, median};
use crate::shop::{PLENTY, Shop};
use crate::usage;

/// How long an idle server is left alone before its memory is read.
const REST: Duration = Duration::from_secs(2);

/// Time from the start of the process to its first answer, and the memory it then keeps.
pub(crate) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let shop = Shop::open(plan).await?;
    shop.product("BENCH-START", PLENTY).await?;
    let plot = shop.close().await;
    let (mut serves, mut demos, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let begin = Instant::now();
        let served = Served::shop(&plot).await?;
        serves.push(first_answer(&served, begin).await?);
        tokio::time::sleep(REST).await;
        memory.push(usage::resident(served.pid()).unwrap_or(0) as f64 / f64::from(1 << 20));
        served.stop().await?;
        let demo = plan.ground.folder("shoal-demo-")?;
        let demo_data = demo.path().to_string_lossy().into_owned();
        let begin = Instant::now();
        let served = Served::start(&["demo", "--data", &demo_data, "--listen", "127.0.0.1:0"]).await?;
        demos.push(first_answer(&served, begin).await?);
        served.stop().await?;
    }
    report.judge("start", "first answer of serve", (median(serves), "ms"), Target::AtMost(150.0));
    report.judge(
        "start",
        "first answer of demo, seeded anew",
        (median(demos), "ms"),
        Target::AtMost(1_000.0),
    );
    report.judge("start", "idle resident memory", (median(memory), "MiB"), Target::AtMost(60.0));
    Ok(())
}

async fn first_answer(served: &Served, begin: Instant) -> anyhow::Result<f64> {
    let (status, _) = Connection::open(served.address).await?.send(get("/v1/products")?).await?;
    ensure!(status == 200, "the first answer is {status}");
    Ok(begin.elapsed().as_secs_f64() * 1_000.0)
}

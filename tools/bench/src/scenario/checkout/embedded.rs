use std::sync::Arc;

use anyhow::ensure;

use super::{Buyer, half_load, over_http};
use crate::command::Plan;
use crate::floor::sql::Writer;
use crate::load;
use crate::report::{Report, Target, median};
use crate::shop::{PLENTY, Shop, line, purchase};
use crate::usage::CpuMeter;

const SKU: &str = "BENCH-CHECKOUT";
/// Milliseconds, at half load.
const P99_MAX: f64 = 50.0;

/// Next to the bare writer.
pub(super) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let shop = Shop::open(plan).await?;
    shop.product(SKU, PLENTY).await?;
    let baskets = Arc::new(vec![purchase(vec![line(SKU, 1)])]);
    let (mut shares, mut rates) = (Vec::new(), Vec::new());
    let (mut costs, mut statements) = (Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..plan.rounds {
        let folder = plan.ground.folder("shoal-floor-")?;
        let writers = vec![Writer::start(folder.path())?; plan.clients as usize];
        let floor = load::closed(writers, plan.time).await?;
        let (meter, ran) = (CpuMeter::start(std::process::id()), shop.done());
        let buyers = vec![Buyer::of(&shop, baskets.clone()); plan.clients as usize];
        let bought = load::closed(buyers, plan.time).await?;
        ensure!(bought.failed == 0, "{} checkouts failed", bought.failed);
        ensure!(floor.failed == 0, "{} writes of the floor failed", floor.failed);
        costs.push(meter.us_each(bought.done));
        let [asked, ..] = shop.done().since(ran, bought.done);
        statements.push(asked);
        shares.push(100.0 * bought.rate() / floor.rate());
        rates.push(bought.rate());
        last = Some((bought, floor));
    }
    if let Some((bought, floor)) = last {
        report.measured("checkout", "whole checkout", &bought);
        report.measured("checkout", "floor: bare group-commit writer", &floor);
    }
    let rate = median(rates);
    report.judge("checkout", "checkouts, share of the floor", (median(shares), "%"), Target::AtLeast(50.0));
    report.judge("checkout", "checkouts a second", (rate, "/s"), Target::AtLeast(5_000.0));
    report.judge("checkout", "CPU a checkout, with the load", (median(costs), "us"), Target::AtMost(200.0));
    let statements = (median(statements), "");
    report.judge("checkout", "SQL statements a checkout, with the relay's", statements, Target::AtMost(15.0));
    half_load(plan, &shop, &baskets, (rate, P99_MAX), report).await?;
    over_http::run(plan, shop, SKU, report).await
}

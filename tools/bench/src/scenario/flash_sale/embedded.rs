use anyhow::ensure;

use super::{Sale, judge};
use crate::command::Plan;
use crate::load;
use crate::report::{Report, median};

/// Reservations a second.
const LEAST: f64 = 10_000.0;

pub(super) async fn reserve(plan: &Plan, sale: &Sale, report: &mut Report) -> anyhow::Result<()> {
    let (mut rates, mut last) = (Vec::new(), None);
    for _ in 0..plan.rounds {
        let measured = load::closed(sale.shoppers(plan), plan.time).await?;
        ensure!(measured.failed == 0, "{} reservations failed", measured.failed);
        rates.push(measured.rate());
        last = Some(measured);
    }
    judge(report, last.as_ref(), (median(rates), LEAST));
    Ok(())
}

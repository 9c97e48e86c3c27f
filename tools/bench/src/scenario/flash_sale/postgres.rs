use std::sync::Arc;

use anyhow::ensure;
use tokio::sync::Notify;

use super::{PIECES, SCARCE, Sale, judge};
use crate::books::{self, Shelf};
use crate::command::Plan;
use crate::floor::postgres::{Batched, Deed, Naive};
use crate::ground::connect;
use crate::load::{self, Work};
use crate::report::{Report, Target, median};
use crate::server::watch;
use crate::shop::PLENTY;

/// Reservations a second.
const LEAST: f64 = 8_000.0;
const NAMES: [&str; 3] =
    ["reservations of one SKU", "naive: reservations of one SKU", "floor: reservations of one SKU"];

/// Next to the naive way and to the bare batched writer, all of the same row.
pub(super) async fn reserve(plan: &Plan, sale: &Sale, report: &mut Report) -> anyhow::Result<()> {
    let database = sale.shop.plot().database()?;
    let (env, shelves) = (&sale.shop.env, Arc::new(vec![sale.hot.uuid()]));
    // Nobody hears of reservations.
    let (asked, bell) = (Arc::default(), Arc::new(Notify::new()));
    let told = || (&asked, Arc::clone(&bell));
    let (mut rates, mut last, mut reserved) = ([const { Vec::new() }; 3], None, 0);
    for _ in 0..plan.rounds {
        let naive = Naive::open(database.url(), Deed::Reservation, shelves.clone(), env, told()).await?;
        let batched = Batched::open(database.url(), Deed::Reservation, shelves.clone(), env, told()).await?;
        let naive = watch(database, load::closed(all(plan, &naive), plan.time)).await?;
        let batched = watch(database, load::closed(all(plan, &batched), plan.time)).await?;
        let ours = watch(database, load::closed(sale.shoppers(plan), plan.time)).await?;
        let ways = [ours, naive, batched];
        for (rates, (measured, _)) in rates.iter_mut().zip(&ways) {
            ensure!(measured.failed == 0, "{} reservations failed", measured.failed);
            rates.push(measured.rate());
            reserved += measured.done as i64;
        }
        last = Some(ways);
    }
    let [ours, naive, batched] = rates.map(median);
    judge(report, last.as_ref().map(|[(ours, _), ..]| ours), (ours, LEAST));
    for (name, (_, used)) in NAMES.iter().zip(last.iter().flatten()) {
        used.report("flash-sale", name, report);
    }
    report.add("flash-sale", NAMES[1], naive, "/s");
    report.add("flash-sale", NAMES[2], batched, "/s");
    report.add("flash-sale", "reservations of one SKU, times the naive rate", ours / naive, "x");
    report.add("flash-sale", "reservations of one SKU, share of the floor", 100.0 * ours / batched, "%");
    let shelf = Shelf::read(&connect(database.url()).await?, sale.hot.uuid()).await?;
    shelf.check(PLENTY)?;
    ensure!(shelf.reserved == reserved, "{reserved} reservations were answered, the shelf says {shelf:?}");
    Ok(())
}

fn all<W: Work + Clone>(plan: &Plan, one: &W) -> Vec<W> {
    vec![one.clone(); plan.clients as usize]
}

/// Compares what buyers were told with what the tables say of stock, holds and orders.
pub(super) async fn check_sale(sale: &Sale, sold: i64, report: &mut Report) -> anyhow::Result<()> {
    let database = sale.shop.plot().database()?;
    books::settle(database).await?;
    let client = connect(database.url()).await?;
    let shelf = Shelf::read(&client, sale.scarce.uuid()).await?;
    shelf.check(PIECES)?;
    let ordered = books::ordered(&client, SCARCE).await?;
    ensure!(
        (shelf.sold, shelf.held, ordered) == (sold, 0, sold),
        "buyers were told of {sold} pieces, paid orders hold {ordered}, the shelf says {shelf:?}"
    );
    let oversold = (ordered - PIECES).max(0);
    report.judge("flash-sale", "pieces oversold, by SQL", (oversold as f64, ""), Target::AtMost(0.0));
    Ok(())
}

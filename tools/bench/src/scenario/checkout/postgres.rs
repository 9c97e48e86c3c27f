use std::sync::Arc;

use anyhow::ensure;
use shoal_contract::checkout::PlaceOrder;
use uuid::Uuid;

use super::{Buyer, half_load, over_http};
use crate::books;
use crate::command::Plan;
use crate::floor::postgres::{Asked, Batched, Carrier, Deed, Naive};
use crate::load::{self, Measured, Work};
use crate::report::{Report, Target, median};
use crate::server::{Used, watch};
use crate::shop::{PLENTY, Shop, line, purchase};

/// Many enough that buyers seldom meet at a shelf, which would hold the naive way up more than ours.
const SKUS: usize = 256;
/// Milliseconds, at half load.
const P99_MAX: f64 = 150.0;
const NAMES: [&str; 3] =
    ["whole checkout", "naive: a transaction an operation", "floor: bare batched writer"];

/// The shop, and what the floors need to buy of it too.
struct Market {
    shop: Shop,
    shelves: Arc<Vec<Uuid>>,
    baskets: Arc<Vec<PlaceOrder>>,
    asked: Arc<Asked>,
    carrier: Carrier,
}

/// Next to the naive way and to the bare batched writer, all on the same tables.
pub(super) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let market = Market::open(plan).await?;
    alone(plan, &market, report).await?;
    let rate = in_turn(plan, &market, report).await?;
    of_one_sku(plan, &market, report).await?;
    let Market { shop, baskets, .. } = market;
    half_load(plan, &shop, &baskets, (rate, P99_MAX), report).await?;
    books::settle(shop.plot().database()?).await?;
    over_http::run(plan, shop, &sku(0), report).await
}

fn sku(number: usize) -> String {
    format!("BENCH-{number}")
}

impl Market {
    async fn open(plan: &Plan) -> anyhow::Result<Self> {
        let shop = Shop::open(plan).await?;
        let mut shelves = Vec::new();
        for number in 0..SKUS {
            let product = shop.product(&sku(number), PLENTY).await?;
            shelves.extend(product.variants.iter().map(|variant| variant.id.uuid()));
        }
        let baskets = (0..SKUS).map(|number| purchase(vec![line(&sku(number), 1)])).collect();
        let asked = Arc::default();
        let carrier = Carrier::start(shop.plot().database()?.url(), &asked).await?;
        books::settle(shop.plot().database()?).await?;
        Ok(Self { shop, shelves: Arc::new(shelves), baskets: Arc::new(baskets), asked, carrier })
    }

    fn buyers(&self, plan: &Plan, skus: usize) -> Vec<Buyer> {
        let baskets = Arc::new(self.baskets[..skus].to_vec());
        vec![Buyer::of(&self.shop, baskets); plan.clients as usize]
    }

    async fn naive(&self, plan: &Plan, skus: usize) -> anyhow::Result<Vec<Naive>> {
        let (url, shelves) = (self.shop.plot().database()?.url(), Arc::new(self.shelves[..skus].to_vec()));
        let told = (&self.asked, self.carrier.bell());
        let naive = Naive::open(url, Deed::Checkout, shelves, &self.shop.env, told).await?;
        Ok(vec![naive; plan.clients as usize])
    }

    async fn batched(&self, plan: &Plan, skus: usize) -> anyhow::Result<Vec<Batched>> {
        let (url, shelves) = (self.shop.plot().database()?.url(), Arc::new(self.shelves[..skus].to_vec()));
        let told = (&self.asked, self.carrier.bell());
        let batched = Batched::open(url, Deed::Checkout, shelves, &self.shop.env, told).await?;
        Ok(vec![batched; plan.clients as usize])
    }

    /// Runs one of the ways to buy, and waits until its events are carried.
    async fn run<W: Work>(&self, plan: &Plan, clients: Vec<W>) -> anyhow::Result<(Measured, Used)> {
        let database = self.shop.plot().database()?;
        let (measured, used) = watch(database, load::closed(clients, plan.time)).await?;
        ensure!(measured.failed == 0, "{} checkouts failed", measured.failed);
        books::settle(database).await?;
        Ok((measured, used))
    }
}

/// What one buyer asks of the server who is alone, so that nothing is shared with others.
async fn alone(plan: &Plan, market: &Market, report: &mut Report) -> anyhow::Result<()> {
    let one = Plan { clients: 1, ..plan.clone() };
    // Once before, so that everything is prepared.
    let warm = load::closed(market.buyers(&one, SKUS), plan.time / 5).await?;
    let before = market.shop.done();
    let bought = market.run(&one, market.buyers(&one, SKUS)).await?.0;
    ensure!(warm.failed == 0, "{} checkouts failed", warm.failed);
    let each = market.shop.done().since(before, bought.done);
    report.measured("checkout", "one buyer alone", &bought);
    asked(report, "alone", each);
    report.judge(
        "checkout",
        "SQL statements a checkout, alone, with the relay's",
        (each[0], ""),
        Target::AtMost(15.0),
    );
    Ok(())
}

/// The three ways in turn; the rate of ours.
async fn in_turn(plan: &Plan, market: &Market, report: &mut Report) -> anyhow::Result<f64> {
    let (mut rates, mut shares, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..plan.rounds {
        let naive_before = market.asked.so_far();
        let naive = market.run(plan, market.naive(plan, SKUS).await?).await?;
        let batched_before = market.asked.so_far();
        let batched = market.run(plan, market.batched(plan, SKUS).await?).await?;
        let batched_after = market.asked.so_far();
        let before = market.shop.done();
        let bought = market.run(plan, market.buyers(plan, SKUS)).await?;
        rates.push(bought.0.rate());
        times.push(bought.0.rate() / naive.0.rate());
        shares.push(100.0 * bought.0.rate() / batched.0.rate());
        let each = market.shop.done().since(before, bought.0.done);
        let naive_each = each_of(naive_before, batched_before, naive.0.done);
        let batched_each = each_of(batched_before, batched_after, batched.0.done);
        last = Some(([bought, naive, batched], each, [naive_each, batched_each]));
    }
    if let Some((ways, each, floors)) = last {
        for (name, (measured, used)) in NAMES.iter().zip(&ways) {
            report.measured("checkout", name, measured);
            used.report("checkout", name, report);
        }
        asked(report, "shared with others", each);
        for (name, [statements, round_trips]) in NAMES[1..].iter().zip(floors) {
            report.add("checkout", format!("{name}, statements"), statements, "");
            report.add("checkout", format!("{name}, round trips"), round_trips, "");
        }
    }
    let rate = median(rates);
    report.add("checkout", "checkouts a second", rate, "/s");
    report.judge("checkout", "checkouts, times the naive rate", (median(times), "x"), Target::AtLeast(2.0));
    report.add("checkout", "checkouts, share of the batched floor", median(shares), "%");
    Ok(rate)
}

/// The same of one SKU, which is a row that all wait for.
async fn of_one_sku(plan: &Plan, market: &Market, report: &mut Report) -> anyhow::Result<()> {
    let naive = market.run(plan, market.naive(plan, 1).await?).await?.0.rate();
    let batched = market.run(plan, market.batched(plan, 1).await?).await?.0.rate();
    let bought = market.run(plan, market.buyers(plan, 1)).await?.0.rate();
    report.add("checkout", "checkouts of one SKU", bought, "/s");
    report.add("checkout", "naive: checkouts of one SKU", naive, "/s");
    report.add("checkout", "floor: checkouts of one SKU", batched, "/s");
    report.add("checkout", "checkouts of one SKU, times the naive rate", bought / naive, "x");
    report.add("checkout", "checkouts of one SKU, share of the floor", 100.0 * bought / batched, "%");
    Ok(())
}

fn each_of(before: (u64, u64), after: (u64, u64), count: u64) -> [f64; 2] {
    let each = |before: u64, after: u64| (after - before) as f64 / count.max(1) as f64;
    [each(before.0, after.0), each(before.1, after.1)]
}

fn asked(report: &mut Report, how: &str, [statements, round_trips, commits]: [f64; 3]) {
    report.add("checkout", format!("SQL statements a checkout, {how}"), statements, "");
    report.add("checkout", format!("round trips a checkout, {how}"), round_trips, "");
    report.add("checkout", format!("commits a checkout, {how}"), commits, "");
}

use std::sync::Arc;

use anyhow::ensure;
use bytes::Bytes;
use shoal_checkout::Checkout;
use shoal_contract::checkout::{CheckoutStatus, Checkouts, PlaceOrder};
use shoal_types::{Context, Deadline, Env, Idempotency};

use crate::command::Plan;
use crate::floor::sql::Writer;
use crate::http::{Connection, Served, post};
use crate::load::{self, Ended, Work};
use crate::report::{Report, Target, median};
use crate::shop::{PLENTY, Shop, WITHIN, line, purchase};
use crate::usage::CpuMeter;

const SKU: &str = "BENCH-CHECKOUT";

/// A client that buys again and again, by a call.
#[derive(Clone)]
pub(crate) struct Buyer {
    pub(crate) checkout: Checkout,
    pub(crate) env: Env,
    pub(crate) cx: Context,
    pub(crate) baskets: Arc<Vec<PlaceOrder>>,
}

impl Buyer {
    pub(crate) fn of(shop: &Shop, baskets: Arc<Vec<PlaceOrder>>) -> Self {
        let cx = Context::system(&shop.env, WITHIN);
        Self { checkout: shop.checkout.clone(), env: shop.env.clone(), cx, baskets }
    }
}

impl Work for Buyer {
    async fn once(&mut self, number: u64) -> Ended {
        let mut cx = self.cx.with_deadline(Deadline::after(&self.env, WITHIN));
        let mut random = [0_u8; 8];
        self.env.rng().fill(&mut random);
        let key = format!("{number}-{:016x}", u64::from_le_bytes(random));
        cx.idempotency = Some(Idempotency { key: key.into(), fingerprint: [0; 32] });
        let basket = self.baskets[number as usize % self.baskets.len()].clone();
        match self.checkout.place(&cx, basket).await {
            Ok(bought) if bought.status == CheckoutStatus::Completed => Ended::Done,
            Err(shoal_contract::checkout::Error::Products(_)) => Ended::Refused,
            _ => Ended::Failed,
        }
    }
}

/// A client that buys again and again, over HTTP.
struct HttpBuyer {
    connection: Connection,
    key: u64,
    body: Bytes,
}

impl Work for HttpBuyer {
    async fn once(&mut self, number: u64) -> Ended {
        let key = format!("{:x}-{number}", self.key);
        let answer = match post("/v1/checkouts", &key, self.body.clone()) {
            Ok(request) => self.connection.send(request).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok((201, _)) => Ended::Done,
            _ => Ended::Failed,
        }
    }
}

/// Whole durable checkouts, in this process next to the bare writer, and over HTTP.
pub(crate) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let shop = Shop::open(plan).await?;
    shop.product(SKU, PLENTY).await?;
    let baskets = Arc::new(vec![purchase(vec![line(SKU, 1)])]);
    let (mut shares, mut rates) = (Vec::new(), Vec::new());
    let (mut costs, mut statements) = (Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..plan.rounds {
        let folder = tempfile::Builder::new().prefix("shoal-floor-").tempdir_in(&plan.data)?;
        let writers = vec![Writer::start(folder.path())?; plan.clients as usize];
        let floor = load::closed(writers, plan.time).await?;
        let (meter, ran) = (CpuMeter::start(std::process::id()), shop.statements());
        let buyers = vec![Buyer::of(&shop, baskets.clone()); plan.clients as usize];
        let bought = load::closed(buyers, plan.time).await?;
        ensure!(bought.failed == 0, "{} checkouts failed", bought.failed);
        ensure!(floor.failed == 0, "{} writes of the floor failed", floor.failed);
        costs.push(meter.us_each(bought.done));
        statements.push((shop.statements() - ran) as f64 / bought.done.max(1) as f64);
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
    half_load(plan, &shop, &baskets, rate, report).await?;
    over_http(plan, shop, report).await
}

/// Latency while half of what is possible is asked for.
async fn half_load(
    plan: &Plan,
    shop: &Shop,
    baskets: &Arc<Vec<PlaceOrder>>,
    rate: f64,
    report: &mut Report,
) -> anyhow::Result<()> {
    let rate = plan.rate.unwrap_or((rate / 2.0) as u64).max(1);
    let clients = vec![Buyer::of(shop, baskets.clone()); 1_024];
    let measured = load::open(clients, rate, plan.time).await?;
    report.measured("checkout", &format!("open loop, {rate}/s asked"), &measured);
    let p99 = measured.latency_ms(0.99);
    report.judge("checkout", "p99 at half load", (p99, "ms"), Target::AtMost(50.0));
    Ok(())
}

async fn over_http(plan: &Plan, shop: Shop, report: &mut Report) -> anyhow::Result<()> {
    let body = Bytes::from(serde_json::to_vec(&purchase(vec![line(SKU, 1)]))?);
    let mut random = [0_u8; 8];
    shop.env.rng().fill(&mut random);
    let directory = shop.close().await;
    let served = Served::shop(directory.path()).await?;
    let mut clients = Vec::new();
    for index in 0..u64::from(plan.clients) {
        let connection = Connection::open(served.address).await?;
        clients.push(HttpBuyer { connection, key: u64::from_le_bytes(random) ^ index, body: body.clone() });
    }
    let meter = CpuMeter::start(served.pid());
    let measured = load::closed(clients, plan.time).await?;
    ensure!(measured.failed == 0, "{} checkouts over HTTP failed", measured.failed);
    report.measured("checkout", "over HTTP, another process", &measured);
    report.add("checkout", "CPU of the server a checkout", meter.us_each(measured.done), "us");
    served.stop().await
}

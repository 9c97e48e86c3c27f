mod embedded;
mod over_http;
mod postgres;

use std::sync::Arc;

use shoal_checkout::Checkout;
use shoal_contract::checkout::{CheckoutStatus, Checkouts, PlaceOrder};
use shoal_types::{Context, Deadline, Env, Idempotency};

use crate::command::Plan;
use crate::ground::Ground;
use crate::load::{self, Ended, Work};
use crate::report::{Report, Target};
use crate::shop::{Shop, WITHIN};

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

/// Whole durable checkouts next to their floors, in this process, and over HTTP.
pub(crate) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    match &plan.ground {
        Ground::Folder(_) => embedded::run(plan, report).await,
        Ground::Postgres(_) => postgres::run(plan, report).await,
    }
}

/// Latency while half of what is possible is asked for.
async fn half_load(
    plan: &Plan,
    shop: &Shop,
    baskets: &Arc<Vec<PlaceOrder>>,
    (rate, p99_max): (f64, f64),
    report: &mut Report,
) -> anyhow::Result<()> {
    let rate = plan.rate.unwrap_or((rate / 2.0) as u64).max(1);
    let clients = vec![Buyer::of(shop, baskets.clone()); 1_024];
    let measured = load::open(clients, rate, plan.time).await?;
    report.measured("checkout", &format!("open loop, {rate}/s asked"), &measured);
    let p99 = measured.latency_ms(0.99);
    report.judge("checkout", "p99 at half load", (p99, "ms"), Target::AtMost(p99_max));
    Ok(())
}

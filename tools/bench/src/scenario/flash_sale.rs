mod embedded;
mod postgres;

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use shoal_contract::products::{
    Error, LookUp, Products as ProductService, ReservationNoun, Reserve, StockLine, VariantId,
};
use shoal_products::Products;
use shoal_types::{Context, Deadline, Env};

use super::checkout::Buyer;
use crate::command::Plan;
use crate::ground::Ground;
use crate::load::{self, Ended, Measured, Work};
use crate::report::{Report, Target};
use crate::shop::{PLENTY, Shop, WITHIN, line, purchase};

const HOT: &str = "BENCH-HOT";
const SCARCE: &str = "BENCH-SCARCE";
/// Pieces of the sale.
const PIECES: i64 = 1_000;

/// A client that reserves one piece again and again.
#[derive(Clone)]
struct Shopper {
    products: Products,
    env: Env,
    cx: Context,
    variant: VariantId,
}

impl Work for Shopper {
    async fn once(&mut self, _: u64) -> Ended {
        let cx = self.cx.with_deadline(Deadline::after(&self.env, WITHIN));
        let request = Reserve {
            key: self.env.id::<ReservationNoun>(),
            lines: vec![StockLine { variant: self.variant, quantity: 1 }],
            expires_at: self.env.now().plus(Duration::from_secs(900)),
        };
        match self.products.reserve(&cx, request).await {
            Ok(_) => Ended::Done,
            Err(Error::StockTooLow { .. }) => Ended::Refused,
            Err(_) => Ended::Failed,
        }
    }
}

/// A shop with plenty of one product and little of another.
struct Sale {
    shop: Shop,
    hot: VariantId,
    scarce: VariantId,
}

/// Reservations of one hot SKU; then more buyers than pieces.
pub(crate) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let sale = Sale::open(plan).await?;
    match &plan.ground {
        Ground::Folder(_) => embedded::reserve(plan, &sale, report).await?,
        Ground::Postgres(_) => postgres::reserve(plan, &sale, report).await?,
    }
    let sold = sell_out(plan, &sale, report).await?;
    if let Ground::Postgres(_) = &plan.ground {
        postgres::check_sale(&sale, sold, report).await?;
    }
    drop(sale.shop.close().await);
    Ok(())
}

impl Sale {
    async fn open(plan: &Plan) -> anyhow::Result<Self> {
        let shop = Shop::open(plan).await?;
        let hot = shop.product(HOT, PLENTY).await?.variants[0].id;
        let scarce = shop.product(SCARCE, PIECES).await?.variants[0].id;
        Ok(Self { shop, hot, scarce })
    }

    fn shoppers(&self, plan: &Plan) -> Vec<Shopper> {
        let (products, env) = (self.shop.products.clone(), self.shop.env.clone());
        let shopper = Shopper { products, cx: Context::system(&env, WITHIN), env, variant: self.hot };
        vec![shopper; plan.clients as usize]
    }
}

/// How many pieces of one SKU a second, and its target.
fn judge(report: &mut Report, last: Option<&Measured>, (rate, least): (f64, f64)) {
    if let Some(measured) = last {
        report.measured("flash-sale", "reservations of one SKU", measured);
    }
    report.judge("flash-sale", "reservations of one SKU, median", (rate, "/s"), Target::AtLeast(least));
}

/// More buyers than pieces; how many were sold, as their buyers were told.
async fn sell_out(plan: &Plan, sale: &Sale, report: &mut Report) -> anyhow::Result<i64> {
    let baskets = Arc::new(vec![purchase(vec![line(SCARCE, 1)])]);
    let bought = load::closed(vec![Buyer::of(&sale.shop, baskets); plan.clients as usize], plan.time).await?;
    let look = LookUp { skus: vec![SCARCE.to_owned()] };
    let cx = Context::system(&sale.shop.env, WITHIN);
    let stock = sale.shop.products.get_stock(&cx, look).await?.into_iter().flatten().next();
    let left = stock.map_or(-1, |stock| stock.on_hand);
    report.add(
        "flash-sale",
        "buyers of 1,000 pieces, answered",
        (bought.done + bought.refused) as f64 / plan.time.as_secs_f64(),
        "/s",
    );
    report.judge(
        "flash-sale",
        "pieces sold",
        (bought.done as f64, "of 1,000"),
        Target::AtMost(PIECES as f64),
    );
    let oversold = bought.done as i64 - (PIECES - left);
    report.judge("flash-sale", "pieces oversold", (oversold as f64, ""), Target::AtMost(0.0));
    ensure!(bought.failed == 0, "{} buyers got an unclear answer", bought.failed);
    Ok(bought.done as i64)
}

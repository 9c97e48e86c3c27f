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
use crate::load::{self, Ended, Work};
use crate::report::{Report, Target, median};
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

/// Reservations of one hot SKU; then more buyers than pieces.
pub(crate) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let shop = Shop::open(plan).await?;
    let product = shop.product(HOT, PLENTY).await?;
    shop.product(SCARCE, PIECES).await?;
    let cx = Context::system(&shop.env, WITHIN);
    let variant = product.variants[0].id;
    let shopper = Shopper { products: shop.products.clone(), env: shop.env.clone(), cx: cx.clone(), variant };
    let (mut rates, mut last) = (Vec::new(), None);
    for _ in 0..plan.rounds {
        let measured = load::closed(vec![shopper.clone(); plan.clients as usize], plan.time).await?;
        ensure!(measured.failed == 0, "{} reservations failed", measured.failed);
        rates.push(measured.rate());
        last = Some(measured);
    }
    if let Some(measured) = last {
        report.measured("flash-sale", "reservations of one SKU", &measured);
    }
    report.judge(
        "flash-sale",
        "reservations of one SKU, median",
        (median(rates), "/s"),
        Target::AtLeast(10_000.0),
    );

    let baskets = Arc::new(vec![purchase(vec![line(SCARCE, 1)])]);
    let sale = load::closed(vec![Buyer::of(&shop, baskets); plan.clients as usize], plan.time).await?;
    let look = LookUp { skus: vec![SCARCE.to_owned()] };
    let stock = shop.products.get_stock(&cx, look).await?.into_iter().flatten().next();
    let left = stock.map_or(-1, |stock| stock.on_hand);
    report.add(
        "flash-sale",
        "buyers of 1,000 pieces, answered",
        (sale.done + sale.refused) as f64 / plan.time.as_secs_f64(),
        "/s",
    );
    report.judge("flash-sale", "pieces sold", (sale.done as f64, "of 1,000"), Target::AtMost(PIECES as f64));
    let oversold = sale.done as i64 - (PIECES - left);
    report.judge("flash-sale", "pieces oversold", (oversold as f64, ""), Target::AtMost(0.0));
    ensure!(sale.failed == 0, "{} buyers got an unclear answer", sale.failed);
    drop(shop.close().await);
    Ok(())
}

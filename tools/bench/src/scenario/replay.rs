use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use shoal_contract::checkout::PlaceOrder;

use super::checkout::Buyer;
use crate::command::Plan;
use crate::load;
use crate::report::Report;
use crate::shop::{PLENTY, Shop, line, purchase};

/// Baskets replayed, at most; they are begun again from the first.
const BASKETS_MAX: usize = 2_000;
/// Lines of a cart, at most.
const LINES_MAX: usize = 500;

/// A basket: pieces by SKU.
type Basket = BTreeMap<String, i64>;

/// Baskets of many lines as checkouts.
pub(crate) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let baskets = match &plan.baskets {
        Some(file) => read(file)?,
        None => made_up(),
    };
    ensure!(!baskets.is_empty(), "there are no baskets to replay");
    let shop = Shop::open(plan).await?;
    let skus: BTreeSet<&String> = baskets.iter().flat_map(Basket::keys).collect();
    for sku in &skus {
        shop.product(sku, PLENTY).await?;
    }
    let lines: usize = baskets.iter().map(Basket::len).sum();
    let orders: Vec<PlaceOrder> = baskets
        .iter()
        .map(|basket| purchase(basket.iter().map(|(sku, quantity)| line(sku, *quantity)).collect()))
        .collect();
    let measured =
        load::closed(vec![Buyer::of(&shop, Arc::new(orders)); plan.clients as usize], plan.time).await?;
    ensure!(measured.failed == 0, "{} checkouts failed", measured.failed);
    let each = lines as f64 / baskets.len() as f64;
    report.add("replay", format!("baskets of {} SKUs, lines each", skus.len()), each, "lines");
    report.measured("replay", "baskets checked out", &measured);
    report.add("replay", "lines", measured.rate() * each, "/s");
    drop(shop.close().await);
    Ok(())
}

/// The invoices of a file with the columns `InvoiceNo`, `StockCode` and `Quantity`; what is no sale is left out.
fn read(file: &Path) -> anyhow::Result<Vec<Basket>> {
    let mut rows = csv::Reader::from_path(file).with_context(|| file.display().to_string())?;
    let head = rows.headers()?.clone();
    let column = |name: &str| {
        head.iter().position(|it| it == name).with_context(|| format!("there is no column {name}"))
    };
    let (invoice, sku, quantity) = (column("InvoiceNo")?, column("StockCode")?, column("Quantity")?);
    let mut baskets: BTreeMap<String, Basket> = BTreeMap::new();
    for row in rows.records() {
        let row = row?;
        let pieces: i64 = row.get(quantity).unwrap_or_default().parse().unwrap_or(0);
        // SKUs that differ by case alone would share a slug here.
        let (number, code) =
            (row.get(invoice).unwrap_or_default(), row.get(sku).unwrap_or_default().to_uppercase());
        let plain = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if (1..=1_000_000).contains(&pieces) && plain && !number.starts_with(['C', 'A']) {
            let basket = baskets.entry(number.to_owned()).or_default();
            if basket.len() < LINES_MAX {
                let line = basket.entry(code).or_default();
                *line = (*line + pieces).min(1_000_000);
            }
        }
    }
    Ok(baskets.into_values().take(BASKETS_MAX).collect())
}

/// 500 baskets of 1 to 20 of 200 SKUs, the same at each run.
fn made_up() -> Vec<Basket> {
    let mut state = 7_u64;
    let mut next = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut basket = || {
        let lines = 1 + next(20);
        (0..lines).map(|_| (format!("REPLAY-{}", next(200)), 1 + next(5) as i64)).collect()
    };
    (0..500).map(|_| basket()).collect()
}

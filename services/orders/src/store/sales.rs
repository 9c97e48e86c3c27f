use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use shoal_contract::orders::{Day, Order, OrderId, ReturnId, Sales, SalesGroup};
use shoal_contract::products::ProductId;
use shoal_sql::{Error, FromRow, ReadTx, Row, Statement, Tx, Value, params};
use shoal_types::{Currency, Money, Timestamp};
use uuid::Uuid;

use super::orders::OrderRow;
use super::{from_json, parts, sql, to_json};
use crate::model::sales::{Figures, History, Key, Refund, Tally, may_have_come_back};

/// The product of what belongs to no product here.
const NO_PRODUCT: Uuid = Uuid::nil();

/// An order with all that its figures are made of.
pub(crate) struct Sold {
    pub(crate) order: Order,
    pub(crate) history: History,
}

struct SoldRow {
    order: OrderRow,
    paid_at: Option<Timestamp>,
    cancelled_at: Option<Timestamp>,
}

impl FromRow for SoldRow {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self { order: OrderRow::from_row(row)?, paid_at: row.get(14)?, cancelled_at: row.get(15)? })
    }
}

/// Orders with all that their figures are made of: one statement, and four more if something of one was sent or paid back.
pub(crate) async fn find_sold(tx: &mut ReadTx, orders: &[OrderId]) -> Result<Vec<Sold>, Error> {
    let rows: Vec<SoldRow> = tx.list_in(sql::LIST_SOLD, params![], orders.iter().copied()).await?;
    let (mut orders, mut histories) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for row in rows {
        let SoldRow { order, paid_at, cancelled_at } = row;
        orders.push(order.order()?);
        histories.push(History { paid_at, cancelled_at, refunds: Vec::new() });
    }
    if orders.iter().any(may_have_come_back) {
        parts::complete(tx, &mut orders).await?;
        find_refunds(tx, &orders, &mut histories).await?;
    }
    Ok(orders.into_iter().zip(histories).map(|(order, history)| Sold { order, history }).collect())
}

async fn find_refunds(tx: &mut ReadTx, orders: &[Order], histories: &mut [History]) -> Result<(), Error> {
    let places: HashMap<OrderId, usize> = orders.iter().map(|order| order.id).zip(0..).collect();
    let rows: Vec<(OrderId, Option<ReturnId>, i64, Timestamp)> =
        tx.list_in(sql::LIST_REFUNDS, params![], orders.iter().map(|order| order.id)).await?;
    for (order, of, amount, at) in rows {
        if let Some(&place) = places.get(&order) {
            histories[place].refunds.push(Refund { of, amount, at });
        }
    }
    Ok(())
}

/// What an order has added to the sales, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    currency: Currency,
    figures: Vec<Entry>,
}

/// Product, SKU, day, and the figures.
#[derive(Serialize, Deserialize)]
struct Entry(Option<ProductId>, String, i64, i64, i64, i64, i64);

impl Kept {
    fn of(tally: &Tally, currency: Currency) -> Self {
        let entry = |(key, figures): (&Key, &Figures)| {
            let Figures { units, gross, units_back, refunded } = *figures;
            Entry(key.product, key.sku.clone(), key.day.number(), units, gross, units_back, refunded)
        };
        Self { currency, figures: tally.entries().map(entry).collect() }
    }

    fn tally(self) -> Tally {
        let mut tally = Tally::default();
        for Entry(product, sku, day, units, gross, units_back, refunded) in self.figures {
            let key = Key { product, sku, day: Day::from_number(day), currency: self.currency };
            tally.add(key, Figures { units, gross, units_back, refunded });
        }
        tally
    }
}

/// What orders have added to the sales so far.
pub(crate) type Counted = HashMap<OrderId, (i64, Tally)>;

/// What these orders have added so far, each with its revision. One statement; none for none.
pub(crate) async fn find_counted(tx: &mut ReadTx, orders: &[OrderId]) -> Result<Counted, Error> {
    if orders.is_empty() {
        return Ok(Counted::new());
    }
    let rows: Vec<(OrderId, i64, String)> =
        tx.list_in(sql::LIST_COUNTED, params![], orders.iter().copied()).await?;
    let counted = rows.into_iter().map(|(order, revision, figures)| {
        let kept: Kept = from_json(&figures, 2, "an order's figures")?;
        Ok((order, (revision, kept.tally())))
    });
    counted.collect()
}

/// Changes of the sales, ready to be written.
#[derive(Default)]
pub(crate) struct Count {
    first: Vec<[Value; 3]>,
    again: Vec<[Value; 4]>,
    sums: Tally,
}

impl Count {
    /// Adds an order that adds `now` to the sales. Nothing if it has done so before.
    pub(crate) fn add(&mut self, order: &Order, now: &Tally, counted: &mut Counted) -> Result<(), Error> {
        let kept = || to_json(&Kept::of(now, order.totals.total.currency));
        match counted.remove(&order.id) {
            None if now.is_empty() => {}
            None => {
                self.first.push(params![order.id, 1, kept()?]);
                self.sums.replace(Tally::default(), now);
            }
            Some((revision, before)) => {
                let mut change = Tally::default();
                change.replace(before.clone(), now);
                if !change.is_empty() {
                    self.again.push(params![order.id, revision, revision + 1, kept()?]);
                    self.sums.replace(before, now);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_empty() && self.again.is_empty()
    }
}

/// Writes changes of the sales: one statement, one more for orders counted before, one for the figures. `false` if
/// somebody else has counted one of the orders meanwhile; then the transaction must be given up.
pub(crate) async fn write(tx: &mut Tx, count: &Count) -> Result<bool, Error> {
    let first = tx.execute_rows(sql::COUNT_FIRST, params![], &count.first).await?;
    let again = tx.execute_rows(sql::COUNT_AGAIN, params![], &count.again).await?;
    if first != count.first.len() as u64 || again != count.again.len() as u64 {
        return Ok(false);
    }
    // In the order of their keys, as everybody does: so nobody waits for somebody who waits for them.
    let rows: Vec<[Value; 8]> = count.sums.entries().map(|(key, figures)| row(key, figures)).collect();
    tx.execute_rows(sql::ADD_SALES, params![], &rows).await?;
    Ok(true)
}

fn row(key: &Key, figures: &Figures) -> [Value; 8] {
    params![
        key.product.map_or(NO_PRODUCT, |product| product.uuid()),
        &key.sku,
        key.day.number(),
        key.currency,
        figures.units,
        figures.gross,
        figures.units_back,
        figures.refunded,
    ]
}

/// The orders after `after`, in the order of their ids, at most `limit`.
pub(crate) async fn next_orders(
    tx: &mut ReadTx,
    after: Option<OrderId>,
    limit: u32,
) -> Result<Vec<OrderId>, Error> {
    let after = after.map_or(NO_PRODUCT, |order| order.uuid());
    tx.list(sql::NEXT_ORDERS, params![after, limit]).await
}

/// Which sales a page holds.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    pub(crate) group: SalesGroup,
    pub(crate) from: Day,
    pub(crate) to: Day,
    pub(crate) product: Option<ProductId>,
    /// The key of the last sums seen.
    pub(crate) after: After,
    pub(crate) limit: i64,
}

/// What a page of sales starts after.
#[derive(Debug, Clone)]
pub(crate) struct After {
    pub(crate) day: Option<Day>,
    pub(crate) product: Option<ProductId>,
    pub(crate) sku: String,
    /// Empty for before the first.
    pub(crate) currency: String,
}

impl Filter {
    fn statement(&self) -> (&'static Statement, Vec<Value>) {
        let product = |product: Option<ProductId>| product.map_or(NO_PRODUCT, |product| product.uuid());
        let last = self.product.map_or(Uuid::max(), |product| product.uuid());
        let mut values =
            params![self.from.number(), self.to.number(), product(self.product), last, self.limit].to_vec();
        let After { day, product: after, sku, currency } = &self.after;
        let (statement, key) = match self.group {
            SalesGroup::Product => (sql::LIST_SALES_BY_PRODUCT, params![product(*after), currency].to_vec()),
            SalesGroup::Sku => (sql::LIST_SALES_BY_SKU, params![product(*after), sku, currency].to_vec()),
            SalesGroup::Day => {
                let day = day.map_or(i64::MIN, Day::number);
                (sql::LIST_SALES_BY_DAY, params![day, currency].to_vec())
            }
            SalesGroup::Total => (sql::LIST_SALES_BY_TOTAL, params![currency].to_vec()),
        };
        values.extend(key);
        (statement, values)
    }
}

/// A page of sales, summed.
pub(crate) async fn list(tx: &mut ReadTx, filter: &Filter) -> Result<Vec<Sales>, Error> {
    let (statement, params) = filter.statement();
    Ok(tx.list::<SalesRow>(statement, params).await?.into_iter().map(|row| row.0).collect())
}

struct SalesRow(Sales);

impl FromRow for SalesRow {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        let product: Option<ProductId> = row.get(1)?;
        let currency: Currency = row.get(3)?;
        let (gross, refunded): (i64, i64) = (row.get(5)?, row.get(7)?);
        Ok(Self(Sales {
            day: row.get::<Option<i64>>(0)?.map(Day::from_number),
            product: product.filter(|product| product.uuid() != NO_PRODUCT),
            sku: row.get(2)?,
            units: row.get(4)?,
            gross: Money::new(gross, currency),
            units_back: row.get(6)?,
            refunded: Money::new(refunded, currency),
            net: Money::new(gross.saturating_sub(refunded), currency),
        }))
    }
}

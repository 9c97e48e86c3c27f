//! What hangs on an order: its lines' counts, parcels, returns and refunds.

use std::collections::HashMap;

use shoal_contract::orders::{Fulfilment, LineQuantity, MarkRefunded, Order, OrderId, Return, ReturnId};
use shoal_sql::{Error, FromRow, ReadTx, Row, Statement, Tx, Value, params};
use shoal_types::{Money, Timestamp};

use super::{from_json, sql, to_json};

/// Reads the parts of all `orders`, in three statements.
pub(super) async fn complete(tx: &mut ReadTx, orders: &mut [Order]) -> Result<(), Error> {
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let places: HashMap<OrderId, usize> = ids.iter().copied().zip(0..).collect();
    for counts in tx.list_in::<Counts, _>(sql::LIST_COUNTS, params![], ids.iter().copied()).await? {
        let Some(&place) = places.get(&counts.order) else { continue };
        let lines = &mut orders[place].lines;
        if let Some(line) = lines.iter_mut().find(|line| line.line == counts.line) {
            (line.fulfilled, line.returned) = (counts.fulfilled, counts.returned);
        }
    }
    for row in tx.list_in::<FulfilmentRow, _>(sql::LIST_FULFILMENTS, params![], ids.iter().copied()).await? {
        let Some(&place) = places.get(&row.order) else { continue };
        orders[place].fulfilments.push(row.fulfilment);
    }
    for row in tx.list_in::<ReturnRow, _>(sql::LIST_RETURNS, params![], ids.iter().copied()).await? {
        let Some(&place) = places.get(&row.order) else { continue };
        let refund = Money::new(row.refund, orders[place].totals.total.currency);
        orders[place].returns.push(row.with_refund(refund));
    }
    Ok(())
}

struct Counts {
    order: OrderId,
    line: u32,
    fulfilled: i64,
    returned: i64,
}

impl FromRow for Counts {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self { order: row.get(0)?, line: row.get(1)?, fulfilled: row.get(2)?, returned: row.get(3)? })
    }
}

struct FulfilmentRow {
    order: OrderId,
    fulfilment: Fulfilment,
}

impl FromRow for FulfilmentRow {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        let fulfilment = Fulfilment {
            id: row.get(1)?,
            lines: from_json(&row.get::<String>(2)?, 2, "a parcel's lines")?,
            carrier: row.get(3)?,
            tracking: row.get(4)?,
            at: row.get(5)?,
        };
        Ok(Self { order: row.get(0)?, fulfilment })
    }
}

struct ReturnRow {
    order: OrderId,
    id: ReturnId,
    lines: Vec<LineQuantity>,
    reason: Option<String>,
    restock: bool,
    refund: i64,
    refunded: bool,
    at: Timestamp,
}

impl FromRow for ReturnRow {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            order: row.get(0)?,
            id: row.get(1)?,
            lines: from_json(&row.get::<String>(2)?, 2, "a return's lines")?,
            reason: row.get(3)?,
            restock: row.get(4)?,
            refund: row.get(5)?,
            refunded: row.get(6)?,
            at: row.get(7)?,
        })
    }
}

impl ReturnRow {
    fn with_refund(self, refund: Money) -> Return {
        Return {
            id: self.id,
            lines: self.lines,
            reason: self.reason,
            restock: self.restock,
            refund,
            refunded: self.refunded,
            at: self.at,
        }
    }
}

/// The rows of a new order's lines.
pub(super) fn line_rows(order: &Order) -> impl Iterator<Item = [Value; 5]> {
    order.lines.iter().map(|line| params![order.id, line.line, line.quantity, line.fulfilled, line.returned])
}

/// Adds the lines of new orders, in one statement.
pub(super) async fn insert_lines(tx: &mut Tx, rows: &[[Value; 5]]) -> Result<(), Error> {
    tx.execute_rows(sql::INSERT_LINES, params![], rows).await.map(drop)
}

/// Counts pieces as sent.
pub(crate) async fn count_fulfilled(
    tx: &mut Tx,
    order: OrderId,
    lines: &[LineQuantity],
) -> Result<(), Error> {
    count(tx, sql::COUNT_FULFILLED, order, lines).await
}

/// Counts pieces as come back.
pub(crate) async fn count_returned(tx: &mut Tx, order: OrderId, lines: &[LineQuantity]) -> Result<(), Error> {
    count(tx, sql::COUNT_RETURNED, order, lines).await
}

async fn count(
    tx: &mut Tx,
    statement: &'static Statement,
    order: OrderId,
    lines: &[LineQuantity],
) -> Result<(), Error> {
    let rows: Vec<_> = lines.iter().map(|entry| params![entry.line, entry.quantity]).collect();
    tx.execute_rows(statement, params![order], &rows).await.map(drop)
}

/// The row of a parcel.
pub(crate) fn fulfilment_row(order: OrderId, parcel: &Fulfilment) -> Result<[Value; 6], Error> {
    let lines = to_json(&parcel.lines)?;
    Ok(params![order, parcel.id, lines, parcel.carrier.as_deref(), parcel.tracking.as_deref(), parcel.at])
}

/// Adds parcels, in one statement.
pub(crate) async fn insert_fulfilments(tx: &mut Tx, rows: &[[Value; 6]]) -> Result<(), Error> {
    tx.execute_rows(sql::INSERT_FULFILMENTS, params![], rows).await.map(drop)
}

pub(crate) async fn insert_return(tx: &mut Tx, order: OrderId, goods: &Return) -> Result<(), Error> {
    let params = params![
        order,
        goods.id,
        to_json(&goods.lines)?,
        goods.reason.as_deref(),
        goods.restock,
        goods.refund.amount,
        goods.refunded,
        goods.at,
    ];
    tx.execute(sql::INSERT_RETURN, params).await.map(drop)
}

/// Marks a return as paid for; whether there is such a return.
pub(crate) async fn settle_return(tx: &mut Tx, order: OrderId, id: ReturnId) -> Result<bool, Error> {
    Ok(tx.execute(sql::SETTLE_RETURN, params![order, id]).await? == 1)
}

/// Notes a refund under its key; whether the key is new.
pub(crate) async fn insert_refund(tx: &mut Tx, refund: &MarkRefunded, at: Timestamp) -> Result<bool, Error> {
    let params = params![refund.order, &refund.key, refund.for_return, refund.amount.amount, at];
    Ok(tx.execute(sql::INSERT_REFUND, params).await? == 1)
}

/// What went back under a key, minor units.
pub(crate) async fn find_refund(tx: &mut ReadTx, order: OrderId, key: &str) -> Result<Option<i64>, Error> {
    tx.find(sql::FIND_REFUND, params![order, key]).await
}

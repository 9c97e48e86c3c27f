use std::slice;
use std::time::Duration;

use shoal_contract::orders::{MarkPaid, Order, OrderId, OrderStatus};
use shoal_contract::users::UserId;
use shoal_sql::{Error, FromRow, ReadTx, Row, Statement, Tx, Value, params};
use shoal_types::{Money, Timestamp};

use super::carts::number;
use super::document::Document;
use super::{from_json, parts, sql, to_json};

/// An order as its own row has it, before its document and parts are read.
pub(crate) struct OrderRow {
    pub(crate) id: OrderId,
    pub(crate) source: String,
    pub(crate) number: String,
    pub(crate) status: OrderStatus,
    pub(crate) customer: Option<UserId>,
    /// SHA-256 of the token that lets a guest see it.
    pub(crate) token_hash: Option<[u8; 32]>,
    pub(crate) total: Money,
    paid: i64,
    refunded: i64,
    document: String,
    pub(crate) version: u64,
    placed_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl FromRow for OrderRow {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        let unknown = Error::Column { index: 3, expected: "an order's status", found: "another word" };
        Ok(Self {
            id: row.get(0)?,
            source: row.get(1)?,
            number: row.get(2)?,
            status: OrderStatus::parse(&row.get::<String>(3)?).ok_or(unknown)?,
            customer: row.get(4)?,
            token_hash: row.get(5)?,
            total: Money::new(row.get(7)?, row.get(6)?),
            paid: row.get(8)?,
            refunded: row.get(9)?,
            document: row.get(10)?,
            version: row.get(11)?,
            placed_at: row.get(12)?,
            updated_at: row.get(13)?,
        })
    }
}

impl OrderRow {
    /// The order with nothing sent, no parcels and no returns.
    pub(crate) fn order(self) -> Result<Order, Error> {
        let mut document: Document = from_json(&self.document, 10, "an order's document")?;
        let currency = self.total.currency;
        Ok(Order {
            id: self.id,
            source: self.source,
            number: self.number,
            status: self.status,
            customer: self.customer,
            lines: document.lines(currency),
            totals: document.totals(currency),
            email: document.email,
            cart: document.cart,
            note: document.note,
            shipping_address: document.shipping_address,
            billing_address: document.billing_address,
            shipping_method: document.shipping_method,
            paid: Money::new(self.paid, currency),
            refunded: Money::new(self.refunded, currency),
            fulfilments: Vec::new(),
            returns: Vec::new(),
            version: self.version,
            placed_at: self.placed_at,
            updated_at: self.updated_at,
        })
    }
}

/// What an order remembers for ever, as its row holds it.
pub(super) fn document(order: &Order) -> Result<String, Error> {
    to_json(&Document::of(order))
}

/// A new order ready to be written, so that the one thread that writes only has to write.
pub(crate) struct NewOrder {
    order: [Value; 14],
    lines: Vec<[Value; 5]>,
}

impl NewOrder {
    pub(crate) fn of(order: &Order, token_hash: Option<[u8; 32]>) -> Result<Self, Error> {
        let values = params![
            order.id,
            &order.source,
            &order.number,
            order.status.as_str(),
            order.customer,
            token_hash,
            order.totals.total.currency,
            order.totals.total.amount,
            order.paid.amount,
            order.refunded.amount,
            document(order)?,
            number(order.version),
            order.placed_at,
            order.updated_at,
        ];
        Ok(Self { order: values, lines: parts::line_rows(order).collect() })
    }
}

/// Adds a new order with its lines, in two statements; whether it was not there before.
pub(crate) async fn insert(tx: &mut Tx, new: &NewOrder) -> Result<bool, Error> {
    let inserted: Option<OrderId> = tx.change_row(sql::INSERT_ORDER, params![], &new.order).await?;
    if inserted.is_none() {
        return Ok(false);
    }
    parts::insert_lines(tx, &new.lines).await?;
    Ok(true)
}

/// Notes that the whole sum has come for an order that waits for it, and answers it; none if it does not wait for
/// just that.
pub(crate) async fn pay(tx: &mut Tx, paid: &MarkPaid, at: Timestamp) -> Result<Option<OrderRow>, Error> {
    let params = params![paid.order, paid.amount.amount, paid.amount.currency, &paid.payment, at];
    tx.change_row(sql::PAY_ORDER, params![], params).await
}

/// Writes the status and refunded sum of an order that is still at its version, and counts the version on; whether
/// it was.
pub(crate) async fn change(tx: &mut Tx, order: &mut Order, at: Timestamp) -> Result<bool, Error> {
    let status = order.status.as_str();
    let params = params![order.id, number(order.version), status, order.refunded.amount, at];
    let changed = tx.execute(sql::CHANGE_ORDER, params).await?;
    order.version += 1;
    order.updated_at = at;
    Ok(changed == 1)
}

/// One order whole.
pub(crate) async fn find(tx: &mut ReadTx, order: OrderId) -> Result<Option<Order>, Error> {
    match find_row(tx, order).await? {
        Some(row) => whole(tx, row).await.map(Some),
        None => Ok(None),
    }
}

/// One order without its parts.
pub(crate) async fn find_row(tx: &mut ReadTx, order: OrderId) -> Result<Option<OrderRow>, Error> {
    tx.find(sql::FIND_ORDER, params![order]).await
}

/// Reads the parts of an order.
pub(crate) async fn whole(tx: &mut ReadTx, row: OrderRow) -> Result<Order, Error> {
    let mut order = row.order()?;
    parts::complete(tx, slice::from_mut(&mut order)).await?;
    Ok(order)
}

/// Which orders a page holds.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    pub(crate) customer: Option<UserId>,
    pub(crate) status: Option<OrderStatus>,
    pub(crate) source: Option<String>,
    pub(crate) number: Option<String>,
    pub(crate) placed_from: Timestamp,
    /// Exclusive.
    pub(crate) placed_until: Timestamp,
    /// The key of the last order seen; exclusive.
    pub(crate) before: (Timestamp, OrderId),
    pub(crate) limit: i64,
}

impl Filter {
    /// The statement whose index narrows most, and its parameters.
    fn statement(&self) -> (&'static Statement, Vec<Value>) {
        let (at, order) = self.before;
        // An engine may seek by this bound rather than by the key, so it is drawn as close as the key.
        let until = self.placed_until.min(at.plus(Duration::from_micros(1)));
        let mut values = params![self.placed_from, until, at, order, self.limit].to_vec();
        let status = self.status.map(OrderStatus::as_str);
        let source = self.source.as_deref();
        let (statement, own) = match (&self.number, self.customer, status, source) {
            (Some(number), customer, status, source) => {
                (sql::LIST_ORDERS_BY_NUMBER, params![number, source, status, customer].to_vec())
            }
            (None, Some(customer), status, source) => {
                (sql::LIST_ORDERS_OF_CUSTOMER, params![customer, status, source].to_vec())
            }
            (None, None, Some(status), source) => {
                (sql::LIST_ORDERS_BY_STATUS, params![status, source].to_vec())
            }
            (None, None, None, Some(source)) => (sql::LIST_ORDERS_BY_SOURCE, params![source].to_vec()),
            (None, None, None, None) => (sql::LIST_ORDERS, Vec::new()),
        };
        values.extend(own);
        (statement, values)
    }
}

/// A page of whole orders, newest first, in four statements.
pub(crate) async fn list(tx: &mut ReadTx, filter: &Filter) -> Result<Vec<Order>, Error> {
    let (statement, params) = filter.statement();
    let rows = tx.list::<OrderRow>(statement, params).await?;
    let mut orders = rows.into_iter().map(OrderRow::order).collect::<Result<Vec<_>, _>>()?;
    parts::complete(tx, &mut orders).await?;
    Ok(orders)
}

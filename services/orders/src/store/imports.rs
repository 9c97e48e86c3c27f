use shoal_contract::orders::{Order, OrderId};
use shoal_sql::{Error, FromRow, ReadTx, Row, Tx, Value, params};

use super::carts::number;
use super::sales::{self, Count, Counted};
use super::{orders, parts, sql};
use crate::model::sales::Tally;

/// What is known of an order imported before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) order: OrderId,
    pub(crate) version: u64,
    /// The version its last import left.
    pub(crate) import_version: Option<u64>,
    /// SHA-256 of what was imported last.
    pub(crate) import_hash: Option<[u8; 32]>,
}

impl FromRow for Known {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            order: row.get(0)?,
            version: row.get(1)?,
            import_version: row.get(2)?,
            import_hash: row.get(3)?,
        })
    }
}

/// Those of `orders` that are there already.
pub(crate) async fn find(tx: &mut ReadTx, orders: &[OrderId]) -> Result<Vec<Known>, Error> {
    tx.list_in(sql::FIND_IMPORTED, params![], orders.iter().copied()).await
}

/// Past orders ready to be written.
#[derive(Default)]
pub(crate) struct Adopted {
    orders: Vec<[Value; 14]>,
    lines: Vec<[Value; 5]>,
    parcels: Vec<[Value; 6]>,
    events: Vec<[Value; 8]>,
    /// Those of them that were there before.
    replaced: Vec<OrderId>,
    /// What they add to the sales.
    count: Count,
}

impl Adopted {
    /// Adds an order with the hash of what it was made of, and the event that tells of it.
    pub(crate) fn add(&mut self, order: &Order, hash: [u8; 32], event: [Value; 8]) -> Result<(), Error> {
        let version = number(order.version);
        self.orders.push(params![
            order.id,
            &order.source,
            &order.number,
            order.status.as_str(),
            order.totals.total.currency,
            order.totals.total.amount,
            order.paid.amount,
            order.refunded.amount,
            orders::document(order)?,
            hash,
            version,
            version,
            order.placed_at,
            order.updated_at,
        ]);
        self.lines.extend(parts::line_rows(order));
        for parcel in &order.fulfilments {
            self.parcels.push(parts::fulfilment_row(order.id, parcel)?);
        }
        self.events.push(event);
        if order.version > 1 {
            self.replaced.push(order.id);
        }
        Ok(())
    }

    /// Adds what an order adds to the sales.
    pub(crate) fn count(&mut self, order: &Order, now: &Tally, counted: &mut Counted) -> Result<(), Error> {
        self.count.add(order, now, counted)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }
}

/// Writes past orders with their lines, parcels, events and sales, in at most nine statements; `false` if somebody else has
/// counted one of them meanwhile, and the transaction must be given up.
pub(crate) async fn save(tx: &mut Tx, adopted: &Adopted) -> Result<bool, Error> {
    if !adopted.replaced.is_empty() {
        for statement in [sql::FORGET_LINES, sql::FORGET_FULFILMENTS] {
            tx.list_in::<OrderId, _>(statement, params![], adopted.replaced.iter().copied()).await?;
        }
    }
    tx.execute_rows(sql::IMPORT_ORDERS, params![], &adopted.orders).await?;
    parts::insert_lines(tx, &adopted.lines).await?;
    parts::insert_fulfilments(tx, &adopted.parcels).await?;
    tx.execute_rows(sql::INSERT_EVENTS, params![], &adopted.events).await?;
    sales::write(tx, &adopted.count).await
}

//! What this house says. An order's timeline is its outbox: one row for each version, told to people by its message
//! and to other houses by its data. It hears nothing.

use shoal_contract::events::{Data, MovedLine, OrderFacts};
use shoal_contract::orders::{LineQuantity, Order, OrderId, TimelineEntry};
use shoal_types::{Money, Timestamp};

use crate::store::orders::OrderRow;

/// Something that happened to an order.
#[derive(Debug)]
pub(crate) struct Happening {
    pub(crate) order: OrderId,
    /// The order's version after it.
    pub(crate) sequence: u64,
    /// As the outbox holds it.
    pub(crate) kind: &'static str,
    /// For people.
    pub(crate) message: String,
    /// For other houses: JSON.
    pub(crate) data: String,
    pub(crate) at: Timestamp,
}

/// Which order an event tells of, and what every event tells of it.
pub(crate) struct Subject {
    order: OrderId,
    sequence: u64,
    facts: OrderFacts,
    at: Timestamp,
}

impl From<&Order> for Subject {
    fn from(order: &Order) -> Self {
        let facts = OrderFacts {
            number: order.number.clone(),
            status: order.status,
            customer: order.customer,
            total: order.totals.total,
        };
        Self { order: order.id, sequence: order.version, facts, at: order.updated_at }
    }
}

impl From<&OrderRow> for Subject {
    fn from(row: &OrderRow) -> Self {
        let facts = OrderFacts {
            number: row.number.clone(),
            status: row.status,
            customer: row.customer,
            total: row.total,
        };
        Self { order: row.id, sequence: row.version, facts, at: row.updated_at }
    }
}

impl Happening {
    /// Something happened to the order, which is now as the subject says; `data` makes what is told of that.
    pub(crate) fn new<D: Data>(
        subject: impl Into<Subject>,
        message: String,
        data: impl FnOnce(OrderFacts) -> D,
    ) -> Self {
        let Subject { order, sequence, facts, at } = subject.into();
        let data = serde_json::to_string(&data(facts)).expect("the data of events is JSON");
        Self { order, sequence, kind: D::STORED, message, data, at }
    }

    /// It as the timeline shows it.
    pub(crate) fn entry(&self) -> TimelineEntry {
        TimelineEntry {
            sequence: self.sequence,
            kind: self.kind.to_owned(),
            message: self.message.clone(),
            at: self.at,
        }
    }
}

/// The pieces of an order's lines that a parcel or a return moves.
pub(crate) fn moved(order: &Order, pieces: &[LineQuantity]) -> Vec<MovedLine> {
    let line = |piece: &LineQuantity| {
        let line = order.lines.iter().find(|line| line.line == piece.line)?;
        Some(MovedLine::of(line, piece.quantity))
    };
    pieces.iter().filter_map(line).collect()
}

/// The pieces that come back, each with what it is worth.
pub(crate) fn returned(order: &Order, pieces: &[LineQuantity], values: &[Money]) -> Vec<MovedLine> {
    let lines = moved(order, pieces).into_iter().zip(values);
    lines.map(|(line, value)| MovedLine { value: Some(*value), ..line }).collect()
}

/// `what`, and why if a reason was given.
pub(crate) fn because(what: &str, reason: Option<&str>) -> String {
    reason.map_or_else(|| what.to_owned(), |reason| format!("{what}: {reason}"))
}

/// `1 piece`, `3 pieces`.
pub(crate) fn pieces(count: i64) -> String {
    if count == 1 { "1 piece".to_owned() } else { format!("{count} pieces") }
}

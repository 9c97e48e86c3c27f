//! What this house says. An order's timeline is its outbox: one row for each version, told to people by its message
//! and to other houses by its data. It hears nothing.

use serde_json::json;
use shoal_contract::orders::{Order, OrderId, OrderStatus, TimelineEntry};
use shoal_contract::users::UserId;
use shoal_types::{Money, Timestamp};

use crate::store::orders::OrderRow;

/// Something that happened to an order.
#[derive(Debug)]
pub(crate) struct Happening {
    pub(crate) order: OrderId,
    /// The order's version after it.
    pub(crate) sequence: u64,
    pub(crate) kind: &'static str,
    /// For people.
    pub(crate) message: String,
    /// For other houses: JSON of `number`, `status`, `customer` and `total`.
    pub(crate) data: String,
    pub(crate) at: Timestamp,
}

/// What every event says of its order.
pub(crate) struct Subject<'o> {
    order: OrderId,
    sequence: u64,
    number: &'o str,
    status: OrderStatus,
    customer: Option<UserId>,
    total: Money,
    at: Timestamp,
}

impl<'o> From<&'o Order> for Subject<'o> {
    fn from(order: &'o Order) -> Self {
        Self {
            order: order.id,
            sequence: order.version,
            number: &order.number,
            status: order.status,
            customer: order.customer,
            total: order.totals.total,
            at: order.updated_at,
        }
    }
}

impl<'o> From<&'o OrderRow> for Subject<'o> {
    fn from(row: &'o OrderRow) -> Self {
        Self {
            order: row.id,
            sequence: row.version,
            number: &row.number,
            status: row.status,
            customer: row.customer,
            total: row.total,
            at: row.updated_at,
        }
    }
}

impl Happening {
    /// `kind` happened to the order, which is now as the subject says.
    pub(crate) fn new<'o>(subject: impl Into<Subject<'o>>, kind: &'static str, message: String) -> Self {
        let subject = subject.into();
        let data = json!({
            "number": subject.number,
            "status": subject.status,
            "customer": subject.customer,
            "total": subject.total,
        });
        Self {
            order: subject.order,
            sequence: subject.sequence,
            kind,
            message,
            data: data.to_string(),
            at: subject.at,
        }
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

/// `what`, and why if a reason was given.
pub(crate) fn because(what: &str, reason: Option<&str>) -> String {
    reason.map_or_else(|| what.to_owned(), |reason| format!("{what}: {reason}"))
}

/// `1 piece`, `3 pieces`.
pub(crate) fn pieces(count: i64) -> String {
    if count == 1 { "1 piece".to_owned() } else { format!("{count} pieces") }
}

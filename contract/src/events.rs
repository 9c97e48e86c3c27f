//! What the services tell each other after the fact: CloudEvents 1.0 in JSON, written in the commit of the change.

use serde::{Deserialize, Serialize};
use shoal_types::{Id, Noun, Timestamp};
use utoipa::ToSchema;

/// Marks the ids of events.
#[derive(Debug)]
pub struct EventNoun;

impl Noun for EventNoun {
    const PREFIX: &'static str = "event";
}

/// An event's id: what an inbox knows it by.
pub type EventId = Id<EventNoun>;

/// An event as it travels.
///
/// Source: CloudEvents 1.0.2, JSON format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Always `1.0`.
    pub specversion: String,
    /// Unique for ever.
    pub id: EventId,
    /// The house: `/products`.
    pub source: String,
    /// What happened: `product.changed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The aggregate it happened to: `product_01h...`. Events of one aggregate keep their order.
    pub subject: String,
    /// The aggregate's own count, from 1.
    pub sequence: u64,
    /// When.
    pub time: Timestamp,
    /// What else there is to say, by type.
    #[schema(value_type = Object)]
    pub data: String,
}

/// The types of event.
pub mod kinds {
    /// A user opened an account.
    pub const USER_REGISTERED: &str = "user.registered";
    /// A profile or role changed.
    pub const USER_CHANGED: &str = "user.changed";
    /// An account was closed.
    pub const USER_DELETED: &str = "user.deleted";
    /// A product is new.
    pub const PRODUCT_CREATED: &str = "product.created";
    /// A product changed.
    pub const PRODUCT_CHANGED: &str = "product.changed";
    /// A product left the shop.
    pub const PRODUCT_ARCHIVED: &str = "product.archived";
    /// The category tree changed.
    pub const CATEGORIES_CHANGED: &str = "categories.changed";
    /// An order was made.
    pub const ORDER_PLACED: &str = "order.placed";
    /// Its money came.
    pub const ORDER_PAID: &str = "order.paid";
    /// A parcel was sent.
    pub const ORDER_FULFILLED: &str = "order.fulfilled";
    /// It was cancelled.
    pub const ORDER_CANCELLED: &str = "order.cancelled";
    /// Goods came back.
    pub const ORDER_RETURNED: &str = "order.returned";
    /// Money went back.
    pub const ORDER_REFUNDED: &str = "order.refunded";
    /// Staff wrote a note.
    pub const ORDER_NOTED: &str = "order.noted";
    /// It was brought in from elsewhere.
    pub const ORDER_IMPORTED: &str = "order.imported";
    /// A checkout ended undone.
    pub const CHECKOUT_FAILED: &str = "checkout.failed";
}

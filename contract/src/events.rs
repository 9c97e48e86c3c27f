//! What the services tell each other after the fact: the types of event, and the shape of the data of each.
//!
//! The envelope, its time and its order are the queue's. An event is told in the commit of the change it tells of. None
//! holds a name, an e-mail, an address or a secret: who may know them asks the house. What is told must stay readable: a
//! field may be added to a type if it has a default, anything else is another version of the type, told beside the first.

mod carts;
mod checkout;
mod examples;
mod orders;
mod products;
mod schema;
mod stock;
mod users;

pub use carts::*;
pub use checkout::*;
pub use orders::*;
pub use products::*;
pub use stock::*;
pub use users::*;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::ToSchema;

/// The data of a type of event.
pub trait Data: Serialize + DeserializeOwned + ToSchema + Send + Sync + 'static {
    /// What happened: `order.placed`.
    const KIND: &'static str;
    /// The version of the shape, from 1.
    const VERSION: u16;
    /// As outboxes hold it: the kind, and from version 2 on `/` and the version, so that what was told before an upgrade
    /// keeps its own.
    const STORED: &'static str;
}

/// A type of event.
#[derive(Debug, Clone, Copy)]
pub struct EventType {
    /// What happened: `order.placed`.
    pub kind: &'static str,
    /// The version of its data's shape, from 1.
    pub version: u16,
    /// Which house tells it.
    pub house: &'static str,
    /// What happened, in a sentence.
    pub title: &'static str,
    /// When it is told, and what it happened to.
    pub told: &'static str,
    schema: fn() -> Value,
    example: fn() -> Value,
}

impl EventType {
    /// What its schema is called: the `dataschema` of its events. A name, not a place, as CloudEvents wants an absolute
    /// URI and a shop may be found under any.
    pub fn schema_uri(&self) -> String {
        format!("urn:shoal:events:{}:{}", self.kind, self.version)
    }

    /// The shape of its data as a JSON Schema.
    ///
    /// Source: JSON Schema 2020-12.
    pub fn schema(&self) -> Value {
        schema::with_head((self.schema)(), self)
    }

    /// Data as it may look.
    pub fn example(&self) -> Value {
        (self.example)()
    }
}

/// There is no event of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEvent {
    /// What was asked for.
    pub kind: String,
}

impl fmt::Display for UnknownEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no event `{}`; there are ", self.kind)?;
        for (place, event) in EVENTS.iter().enumerate() {
            write!(f, "{}{}", if place == 0 { "" } else { ", " }, event.kind)?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownEvent {}

/// The newest version of the type of event with this name.
///
/// # Errors
/// If there is none; its text names those there are.
pub fn event_type(kind: &str) -> Result<&'static EventType, UnknownEvent> {
    let newest = EVENTS.iter().filter(|event| event.kind == kind).max_by_key(|event| event.version);
    newest.ok_or_else(|| UnknownEvent { kind: kind.to_owned() })
}

/// Declares the types of event: their names, the table of them, and which type in Rust is the data of which.
macro_rules! events {
    (@stored $kind:literal 1) => { $kind };
    (@stored $kind:literal $version:literal) => { concat!($kind, "/", $version) };
    ($(
        #[doc = $title:literal]
        $name:ident: $data:ty = $kind:literal $version:tt, from $house:literal: $told:literal;
    )+) => {
        /// The names of the types of event.
        pub mod kinds {
            $(
                #[doc = $title]
                pub const $name: &str = $kind;
            )+
        }

        $(
            impl Data for $data {
                const KIND: &'static str = $kind;
                const VERSION: u16 = $version;
                const STORED: &'static str = events!(@stored $kind $version);
            }
        )+

        /// All types of event.
        pub const EVENTS: &[EventType] = &[$(
            EventType {
                kind: $kind,
                version: $version,
                house: $house,
                title: $title.trim_ascii(),
                told: $told,
                schema: schema::of::<$data>,
                example: examples::of::<$data>,
            },
        )+];
    };
}

events! {
    /// An account was opened.
    USER_REGISTERED: UserRegistered = "user.registered" 1, from "users":
        "By the user, by staff or by an import. Its subject is the user.";
    /// A profile, a role or a password was changed.
    USER_CHANGED: UserChanged = "user.changed" 1, from "users":
        "By the user, by staff or by an import, if anything is other than before. Its subject is the user.";
    /// An account was closed.
    USER_DELETED: UserDeleted = "user.deleted" 1, from "users":
        "Whoever keeps something personal of the user lets go of it now. Its subject is the user.";
    /// Somebody wants to choose a new password.
    USER_PASSWORD_RESET_REQUESTED: UserPasswordResetRequested = "user.password_reset_requested" 1, from "users":
        "If there is an account. Its subject is the user; the secret that the mail carries is asked of the house.";

    /// A product is new.
    PRODUCT_CREATED: ProductCreated = "product.created" 1, from "products":
        "By staff or by an import, as a draft too. Its subject is the product.";
    /// A product was changed.
    PRODUCT_CHANGED: ProductChanged = "product.changed" 1, from "products":
        "Whatever of it is other than before; prices are told by an event of their own as well. Its subject is the product.";
    /// A product left the shop.
    PRODUCT_ARCHIVED: ProductArchived = "product.archived" 1, from "products":
        "Orders remember it. Its subject is the product.";
    /// Variants of a product have other prices.
    PRODUCT_PRICE_CHANGED: ProductPriceChanged = "product.price_changed" 1, from "products":
        "In the commit of the change, beside `product.changed`. Its subject is the product; its order is kept among the changes of this product's prices.";
    /// Few pieces of a variant are left.
    PRODUCT_STOCK_LOW: ProductStockLow = "product.stock_low" 1, from "products":
        "Once, when what can be sold falls to `threshold` or below; again only after it was above. Its subject is the variant.";
    /// No piece of a variant is left to sell.
    PRODUCT_OUT_OF_STOCK: ProductOutOfStock = "product.out_of_stock" 1, from "products":
        "Once, when the last piece is held for a checkout or written off. Its subject is the variant.";
    /// A variant of which there was nothing can be sold.
    PRODUCT_BACK_IN_STOCK: ProductBackInStock = "product.back_in_stock" 1, from "products":
        "Once, when there was none and pieces come in, come back or are no longer held; the first goods of a new variant too. Its subject is the variant.";
    /// The category tree was changed.
    CATEGORIES_CHANGED: CategoriesChanged = "categories.changed" 1, from "products":
        "By staff or by an import. Its subject is the tree, of which there is one.";

    /// An order was made.
    ORDER_PLACED: OrderPlaced = "order.placed" 1, from "orders":
        "The stock is sold and the money held. Its subject is the order.";
    /// The money of an order has come.
    ORDER_PAID: OrderPaid = "order.paid" 1, from "orders":
        "It can be sent. Its subject is the order.";
    /// A parcel of an order was sent.
    ORDER_FULFILLED: OrderFulfilled = "order.fulfilled" 1, from "orders":
        "Once a parcel; `status` says whether anything is left. Its subject is the order.";
    /// An order was cancelled.
    ORDER_CANCELLED: OrderCancelled = "order.cancelled" 1, from "orders":
        "Nothing of it was sent. Stock and money go back. Its subject is the order.";
    /// Goods of an order came back.
    ORDER_RETURNED: OrderReturned = "order.returned" 1, from "orders":
        "The money for them is told by `order.refunded`. Its subject is the order.";
    /// Money of an order went back.
    ORDER_REFUNDED: OrderRefunded = "order.refunded" 1, from "orders":
        "For a return, a cancellation, or by staff. Its subject is the order.";
    /// Staff wrote a note about an order.
    ORDER_NOTED: OrderNoted = "order.noted" 1, from "orders":
        "What it says is in the order's timeline. Its subject is the order.";
    /// A past order was brought in from elsewhere.
    ORDER_IMPORTED: OrderImported = "order.imported" 1, from "orders":
        "It happened long ago: it stands in the order's timeline, and no consumer is told. Its subject is the order.";
    /// A cart was left with goods in it.
    CART_ABANDONED: CartAbandoned = "cart.abandoned" 1, from "orders":
        "Once, when an open cart was not touched for the time the shop has set. Its subject is the cart.";

    /// A purchase ended undone.
    CHECKOUT_FAILED: CheckoutFailed = "checkout.failed" 1, from "checkout":
        "In the commit that ends it. Nothing was bought, and what was held was given back. Its subject is the checkout.";
}

#[cfg(test)]
mod tests;

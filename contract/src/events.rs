//! What the services tell each other after the fact. The envelope is the queue's; here are its types.

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

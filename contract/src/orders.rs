//! The order service: carts, totals, orders, fulfilment, returns.

mod cart;
mod day;
mod history;
mod order;
mod rates;
mod sales;
mod totals;

pub use cart::*;
pub use day::*;
pub use history::*;
pub use order::*;
pub use rates::*;
pub use sales::*;
pub use totals::*;

use shoal_types::Page;

use crate::service::service;
pub use crate::users::Imported;

service! {
    /// Carts, totals, orders, fulfilment and returns.
    ///
    /// A guest's cart is known by its id alone; a customer's cart only to them. A customer sees their own orders,
    /// a guest the order whose token they hold, staff all.
    pub trait Orders as "orders", error Error, system from [checkout, notifications, operator] {
        /// Opens a cart for the caller.
        async fn create_cart(NewCart) -> Cart; from [gateway]; keyed;
        /// A cart with its totals at present prices.
        async fn get_cart(CartRef) -> Cart; from [gateway]; idempotent;
        /// The caller's open cart, if they are logged in and have one.
        async fn find_cart(FindCart) -> Option<Cart>; from [gateway]; idempotent;
        /// Adds pieces of a SKU; the same SKU again makes its line larger.
        async fn add_line(AddLine) -> Cart; from [gateway]; keyed;
        /// Sets the quantity and note of a line; 0 removes it.
        async fn set_line(SetLine) -> Cart; from [gateway]; keyed;
        /// Changes note, e-mail, addresses or shipping method.
        async fn update_cart(UpdateCart) -> Cart; from [gateway]; keyed;
        /// Moves the lines of a guest's cart into the caller's own open cart, which is made if there is none. Quantities of one SKU are added; no line is lost. Idempotent: a merged cart gives the cart it went into.
        async fn merge_cart(CartRef) -> Cart; from [gateway]; idempotent;
        /// Throws a cart away. Idempotent.
        async fn remove_cart(CartRef) -> (); from [gateway]; idempotent;
        /// A page of the carts that were left with goods in them, those left last first; staff.
        async fn list_carts(ListCarts) -> Page<Cart>; from [gateway]; idempotent;
        /// The shipping methods for a cart's address and weight, cheapest first.
        async fn list_shipping_options(CartRef) -> Vec<ShippingOption>; from [gateway]; idempotent;

        /// Freezes a cart for a checkout and gives what is to be paid. Until it is thawed or ordered nobody can change it. Idempotent per checkout; `CartBusy` names another. System only.
        async fn freeze_cart(FreezeCart) -> Quote; from [checkout]; idempotent;
        /// Gives a frozen cart back to its owner. Idempotent. System only.
        async fn thaw_cart(FreezeCart) -> (); from [checkout]; idempotent;
        /// What lines without a cart would cost. System only.
        async fn quote(QuoteRequest) -> Quote; from [checkout]; idempotent;
        /// Makes the order of a checkout from its quote, and closes its cart in the same commit. Idempotent: the order's id is the checkout's. System only.
        async fn create_order(CreateOrder) -> Order; from [checkout]; idempotent;
        /// Notes that the money has come. Idempotent. System only.
        async fn mark_paid(MarkPaid) -> Order; from [checkout]; idempotent;
        /// Cancels an order of which nothing was shipped. Idempotent. System only: money and stock go back in the same saga.
        async fn cancel_order(CancelOrder) -> Order; from [checkout]; idempotent;
        /// Books shipped goods as coming back and says what is owed for them. Idempotent per key. System only.
        async fn record_return(RecordReturn) -> Return; from [checkout]; idempotent;
        /// Notes that money went back. Idempotent per key. System only.
        async fn mark_refunded(MarkRefunded) -> Order; from [checkout]; idempotent;

        /// One order.
        async fn get_order(OrderRef) -> Order; from [gateway, checkout, notifications]; idempotent;
        /// A page of orders, newest first: the caller's own, or for staff all.
        async fn list_orders(ListOrders) -> Page<Order>; from [gateway, operator]; idempotent;
        /// What happened to an order, oldest first.
        async fn list_timeline(OrderRef) -> Vec<TimelineEntry>; from [gateway]; idempotent;
        /// Books a parcel as sent; staff. Lines may go in several parcels.
        async fn fulfil(Fulfil) -> Order; from [gateway]; keyed;
        /// Writes a note for staff into the timeline; staff.
        async fn add_note(AddNote) -> TimelineEntry; from [gateway]; keyed;

        /// The tax rates.
        async fn list_tax_rates(ListRates) -> Vec<TaxRate>; from [gateway]; idempotent;
        /// Replaces all tax rates; staff.
        async fn set_tax_rates(SetTaxRates) -> Vec<TaxRate>; from [gateway]; idempotent;
        /// The shipping zones.
        async fn list_shipping_zones(ListRates) -> Vec<ShippingZone>; from [gateway]; idempotent;
        /// Replaces all shipping zones; staff.
        async fn set_shipping_zones(SetShippingZones) -> Vec<ShippingZone>; from [gateway]; idempotent;

        /// A page of what was sold and what came back, by product, SKU, day or in all; staff.
        async fn list_sales(ListSales) -> Page<Sales>; from [gateway]; idempotent;
        /// Makes the sales figures anew from the orders, in the background; staff. Idempotent.
        async fn recount_sales(RecountSales) -> SalesRecount; from [gateway]; idempotent;

        /// Brings in past orders, found again by source and number; one outcome for each, in order. Safe to repeat. System only.
        async fn import_orders(ImportOrders) -> Vec<Imported>; from [operator]; idempotent;
    }
}

shoal_types::errors! {
    /// What can go wrong in the order service.
    pub enum Error {
        /// There is no such cart, or it is another's.
        UnknownCart {} => (NotFound, "unknown_cart", "there is no such cart"),
        /// There is no such line in the cart or order.
        UnknownLine {} => (NotFound, "unknown_line", "there is no such line"),
        /// There is no such order, or you may not see it.
        UnknownOrder {} => (NotFound, "unknown_order", "there is no such order"),
        /// There is no such SKU, or it is not for sale.
        UnknownSku { sku: String } => (NotFound, "unknown_sku", "there is no SKU {sku}"),
        /// The product has no price in the cart's currency. Choose another currency or product.
        NoPrice { sku: String, currency: String } => (Conflict, "no_price", "{sku} has no price in {currency}"),
        /// The cart is being paid and cannot be changed until that ends.
        CartBusy { checkout: String } => (Conflict, "cart_busy", "the cart is being paid by {checkout}"),
        /// The cart has become an order. Open a new one.
        CartOrdered {} => (Conflict, "cart_ordered", "the cart has become an order"),
        /// There is nothing in the cart.
        CartEmpty {} => (Conflict, "cart_empty", "the cart is empty"),
        /// A cart holds at most 500 lines.
        TooManyLines {} => (Conflict, "too_many_lines", "a cart holds at most 500 lines"),
        /// The cart was changed since it was read. Read it again and repeat the change.
        CartChanged { version: u64 } => (Stale, "cart_changed", "the cart was changed meanwhile, it is at version {version}"),
        /// Something that a checkout needs is missing in the cart: e-mail, address or shipping method.
        CartIncomplete { missing: String } => (Conflict, "cart_incomplete", "the cart lacks {missing}"),
        /// The shop does not ship there, or not by this method. `GET` the cart's shipping options.
        NoShipping { method: String } => (Conflict, "no_shipping", "shipping method {method} does not serve this cart"),
        /// The sum is too large to be computed exactly.
        AmountTooLarge {} => (Invalid, "amount_too_large", "the sum is too large"),
        /// The order is not in a state that allows it.
        OrderState { status: String } => (Conflict, "order_state", "the order is {status}, that does not allow it"),
        /// More pieces than the line has left to ship or to return.
        QuantityTooLarge { line: String, left: i64 } => (Conflict, "quantity_too_large", "line {line} has only {left} pieces left for this"),
    }
}

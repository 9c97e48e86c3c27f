//! The use cases, one for each method of the contract: who may, what is checked, where the transaction is.

mod abandoned;
mod access;
mod carts;
mod fulfilment;
mod import;
mod merge;
mod orders;
mod purchase;
mod quotes;
mod rates;
mod returns;
mod sales;

use async_trait::async_trait;
use shoal_contract::orders::{
    self as contract, AddLine, AddNote, CancelOrder, Cart, CartRef, CreateOrder, Error, FindCart, FreezeCart,
    Fulfil, ImportOrders, Imported, ListCarts, ListOrders, ListRates, ListSales, MarkPaid, MarkRefunded,
    NewCart, Order, OrderRef, Quote, QuoteRequest, RecordReturn, RecountSales, Return, Sales, SalesRecount,
    SetLine, SetShippingZones, SetTaxRates, ShippingOption, ShippingZone, TaxRate, TimelineEntry, UpdateCart,
};
use shoal_types::{Context, Page};

use crate::house::Orders;

/// Hands each method of the contract to the use case of its name.
macro_rules! use_cases {
    ($($method:ident($request:ty) -> $response:ty;)+) => {
        #[async_trait]
        impl contract::Orders for Orders {
            $(
                async fn $method(&self, cx: &Context, request: $request) -> Result<$response, Error> {
                    cx.deadline.check(&self.inner.env)?;
                    Ok(self.inner.$method(cx, request).await?)
                }
            )+
        }
    };
}

use_cases! {
    create_cart(NewCart) -> Cart;
    get_cart(CartRef) -> Cart;
    find_cart(FindCart) -> Option<Cart>;
    list_carts(ListCarts) -> Page<Cart>;
    add_line(AddLine) -> Cart;
    set_line(SetLine) -> Cart;
    update_cart(UpdateCart) -> Cart;
    merge_cart(CartRef) -> Cart;
    remove_cart(CartRef) -> ();
    list_shipping_options(CartRef) -> Vec<ShippingOption>;
    freeze_cart(FreezeCart) -> Quote;
    thaw_cart(FreezeCart) -> ();
    quote(QuoteRequest) -> Quote;
    create_order(CreateOrder) -> Order;
    mark_paid(MarkPaid) -> Order;
    cancel_order(CancelOrder) -> Order;
    record_return(RecordReturn) -> Return;
    mark_refunded(MarkRefunded) -> Order;
    get_order(OrderRef) -> Order;
    list_orders(ListOrders) -> Page<Order>;
    list_timeline(OrderRef) -> Vec<TimelineEntry>;
    fulfil(Fulfil) -> Order;
    add_note(AddNote) -> TimelineEntry;
    list_tax_rates(ListRates) -> Vec<TaxRate>;
    set_tax_rates(SetTaxRates) -> Vec<TaxRate>;
    list_shipping_zones(ListRates) -> Vec<ShippingZone>;
    set_shipping_zones(SetShippingZones) -> Vec<ShippingZone>;
    list_sales(ListSales) -> Page<Sales>;
    recount_sales(RecountSales) -> SalesRecount;
    import_orders(ImportOrders) -> Vec<Imported>;
}

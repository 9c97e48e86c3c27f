use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use shoal_contract::orders::{Order, OrderId, OrderRef, OrderStatus};

use crate::address_form;
use crate::basket::Basket;
use crate::form::Asked;
use crate::page::{Frame, Framed, Kept, shown};
use crate::price::day;
use crate::shop::Shop;
use crate::trouble::Trouble;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: Frame,
    number: String,
    placed: String,
    status: &'static str,
    /// Whether it was bought just now.
    fresh: bool,
    email: String,
    address: Vec<String>,
    note: String,
    parcels: Vec<Parcel>,
    basket: Basket,
    guest: bool,
}

impl Framed for OrderPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

struct Parcel {
    sent: String,
    carrier: String,
    tracking: String,
}

/// An order, for who placed it.
pub(crate) async fn show(
    State(shop): State<Shop>,
    visit: Visit,
    Path(order): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Trouble> {
    let order: OrderId = order.parse().map_err(|_| Trouble::missing())?;
    let reference = OrderRef { order, token: visit.order_token(order) };
    let order = shop.orders().get_order(&visit.cx, reference).await?;
    let title = format!("Order {}", order.number);
    let parcel = |it: &shoal_contract::orders::Fulfilment| Parcel {
        sent: day(it.at),
        carrier: it.carrier.clone().unwrap_or_default(),
        tracking: it.tracking.clone().unwrap_or_default(),
    };
    let page = OrderPage {
        frame: Frame::new(&shop, &visit, &title).await?,
        placed: day(order.placed_at),
        status: in_words(order.status),
        fresh: asked.text("placed") == "yes"
            && matches!(order.status, OrderStatus::Placed | OrderStatus::Paid),
        address: order.shipping_address.as_ref().map(address_form::lines).unwrap_or_default(),
        parcels: order.fulfilments.iter().map(parcel).collect(),
        basket: Basket::of_order(&order),
        guest: visit.customer.is_none(),
        number: order.number,
        email: order.email.unwrap_or_default(),
        note: order.note.unwrap_or_default(),
    };
    shown(&visit, Kept::Never, &page)
}

/// An order in a list.
pub(crate) struct Row {
    pub(crate) href: String,
    pub(crate) number: String,
    pub(crate) placed: String,
    pub(crate) status: &'static str,
    pub(crate) total: String,
    pub(crate) pictures: Vec<String>,
}

impl Row {
    pub(crate) fn new(order: &Order) -> Self {
        Self {
            href: format!("/orders/{}", order.id),
            number: order.number.clone(),
            placed: day(order.placed_at),
            status: in_words(order.status),
            total: crate::price::price(order.totals.total),
            pictures: order.lines.iter().filter_map(|line| line.image.clone()).take(4).collect(),
        }
    }
}

fn in_words(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Placed => "Placed",
        OrderStatus::Paid => "Paid, being packed",
        OrderStatus::PartlyFulfilled => "Partly sent",
        OrderStatus::Fulfilled => "Sent",
        OrderStatus::Cancelled => "Cancelled",
        OrderStatus::Returned => "Returned",
    }
}

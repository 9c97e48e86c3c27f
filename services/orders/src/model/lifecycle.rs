use std::collections::BTreeMap;

use shoal_contract::orders::{
    CreateOrder, Error, LineQuantity, Order, OrderLine, OrderStatus, Quote, QuoteLine,
};
use shoal_types::{Money, Timestamp};

/// The source of orders placed here.
pub(crate) const WEB: &str = "web";

/// The order that a checkout's quote becomes.
pub(crate) fn placed(request: CreateOrder, number: String, at: Timestamp) -> Order {
    let CreateOrder { checkout, quote, .. } = request;
    let Quote { cart, customer, email, lines, note, totals, .. } = quote;
    let currency = totals.total.currency;
    Order {
        id: shoal_contract::checkout::order_of(checkout),
        number,
        source: WEB.to_owned(),
        status: OrderStatus::Placed,
        customer,
        email: Some(email),
        cart,
        lines: (1..).zip(lines).map(|(place, line)| bought(place, line)).collect(),
        note,
        shipping_address: quote.shipping_address,
        billing_address: quote.billing_address,
        shipping_method: quote.shipping_method,
        totals,
        paid: Money::zero(currency),
        refunded: Money::zero(currency),
        fulfilments: Vec::new(),
        returns: Vec::new(),
        version: 1,
        placed_at: at,
        updated_at: at,
    }
}

fn bought(place: u32, line: QuoteLine) -> OrderLine {
    OrderLine {
        line: place,
        variant: Some(line.variant),
        product: Some(line.product),
        sku: line.sku,
        title: line.title,
        choice: line.choice,
        image: line.image,
        note: line.note,
        quantity: line.quantity,
        unit_price: Some(line.unit_price),
        subtotal: line.total,
        discounts: Vec::new(),
        total: line.total,
        tax: line.tax,
        tax_rate_bp: line.tax_rate_bp,
        tax_included: line.tax_included,
        shippable: line.shippable,
        fulfilled: 0,
        returned: 0,
    }
}

/// Says that the order's state does not allow it.
pub(crate) fn refused(status: OrderStatus) -> Error {
    Error::OrderState { status: status.as_str().to_owned() }
}

/// Whether an order can still be cancelled: nothing of it was sent.
pub(crate) fn may_cancel(status: OrderStatus) -> bool {
    matches!(status, OrderStatus::Placed | OrderStatus::Paid)
}

/// Pieces of a line that were not sent yet. Imported lines of 0 or fewer pieces have none.
fn unsent(line: &OrderLine) -> i64 {
    (line.quantity - line.fulfilled).max(0)
}

/// What a parcel holds: the lines asked for, or all that is left. Lines that need no parcel (a download) count like
/// others: the order is fulfilled when each line was handed over in some way.
///
/// # Errors
/// `OrderState` unless the order is paid and something is left; `UnknownLine`; `QuantityTooLarge`.
pub(crate) fn parcel(order: &Order, asked: &[LineQuantity]) -> Result<Vec<LineQuantity>, Error> {
    if !matches!(order.status, OrderStatus::Paid | OrderStatus::PartlyFulfilled) {
        return Err(refused(order.status));
    }
    if asked.is_empty() {
        let rest = order.lines.iter().map(|line| LineQuantity { line: line.line, quantity: unsent(line) });
        return Ok(rest.filter(|rest| rest.quantity > 0).collect());
    }
    summed(order, asked, unsent)
}

/// Sums what is asked for by line.
///
/// # Errors
/// `UnknownLine`; `QuantityTooLarge` if a line has less `left`.
pub(crate) fn summed(
    order: &Order,
    asked: &[LineQuantity],
    left: impl Fn(&OrderLine) -> i64,
) -> Result<Vec<LineQuantity>, Error> {
    let mut wanted = BTreeMap::<u32, i64>::new();
    for entry in asked {
        let sum = wanted.entry(entry.line).or_default();
        *sum = sum.saturating_add(entry.quantity);
    }
    for (&place, &quantity) in &wanted {
        let line = order.lines.iter().find(|line| line.line == place).ok_or(Error::UnknownLine {})?;
        let left = left(line);
        if quantity > left {
            return Err(Error::QuantityTooLarge { line: line.sku.clone(), left });
        }
    }
    Ok(wanted.into_iter().map(|(line, quantity)| LineQuantity { line, quantity }).collect())
}

/// Counts the pieces of a parcel as sent and moves the order on.
pub(crate) fn send(order: &mut Order, parcel: &[LineQuantity]) {
    for line in &mut order.lines {
        line.fulfilled += pieces(parcel, line.line);
    }
    let whole = order.lines.iter().all(|line| unsent(line) == 0);
    order.status = if whole { OrderStatus::Fulfilled } else { OrderStatus::PartlyFulfilled };
}

/// Counts pieces as come back. When the whole order was sent and all of it came back it is returned; one that still
/// has something to send stays partly fulfilled, so that the rest can go out.
pub(crate) fn take_back(order: &mut Order, goods: &[LineQuantity]) {
    for line in &mut order.lines {
        line.returned += pieces(goods, line.line);
    }
    let whole = order.lines.iter().all(|line| unsent(line) == 0 && line.returned == line.fulfilled);
    if whole {
        order.status = OrderStatus::Returned;
    }
}

fn pieces(entries: &[LineQuantity], line: u32) -> i64 {
    entries.iter().filter(|entry| entry.line == line).map(|entry| entry.quantity).sum()
}

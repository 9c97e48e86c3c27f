use shoal_contract::orders::{Order, OrderLine, PastLine, PastOrder};
use shoal_types::Money;

/// The source of orders placed here.
const WEB: &str = "web";
const TITLE_CHARS_MAX: usize = 300;

/// The order as history. Tax on top of the prices becomes a line of its own, so that the sum stays to the cent;
/// payments, returns and the timeline are not part of a past order.
pub(super) fn past_order(order: Order, web_as: Option<&str>) -> PastOrder {
    let source = match web_as {
        Some(other) if order.source == WEB => other.to_owned(),
        _ => order.source,
    };
    let tax = order.totals.tax_added;
    let mut lines: Vec<PastLine> = order.lines.into_iter().map(past_line).collect();
    if tax.amount != 0 {
        lines.push(tax_line(tax));
    }
    PastOrder {
        source,
        number: order.number,
        status: order.status,
        email: order.email,
        placed_at: order.placed_at,
        lines,
        shipping: Some(order.totals.shipping).filter(|shipping| shipping.amount != 0),
        shipping_address: order.shipping_address,
        note: order.note,
        tracking: order.fulfilments.into_iter().find_map(|parcel| parcel.tracking),
    }
}

fn past_line(line: OrderLine) -> PastLine {
    let title = match line.choice.as_str() {
        "" => line.title,
        choice => format!("{}, {choice}", line.title).chars().take(TITLE_CHARS_MAX).collect(),
    };
    PastLine {
        sku: line.sku,
        title,
        quantity: line.quantity,
        unit_price: line.unit_price,
        subtotal: line.subtotal,
        discounts: line.discounts,
    }
}

fn tax_line(tax: Money) -> PastLine {
    PastLine {
        sku: "TAX".into(),
        title: "Tax".into(),
        quantity: 1,
        unit_price: Some(tax),
        subtotal: tax,
        discounts: Vec::new(),
    }
}

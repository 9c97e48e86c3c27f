//! Lines and sums, as cart, checkout and order show them.

use shoal_contract::orders::{Cart, CartLine, Order, OrderLine, Totals};
use shoal_types::Money;

use crate::card::Available;
use crate::price::price;

/// A line.
pub(crate) struct Line {
    pub(crate) sku: String,
    pub(crate) title: String,
    pub(crate) choice: String,
    /// Its product's page; empty if it has none.
    pub(crate) href: String,
    pub(crate) image: Option<String>,
    pub(crate) quantity: i64,
    pub(crate) unit: String,
    pub(crate) total: String,
    /// What stands in the way of buying it.
    pub(crate) warning: Option<String>,
}

/// A sum with its name.
pub(crate) struct Sum {
    pub(crate) label: String,
    pub(crate) amount: String,
}

/// Lines and what they come to.
pub(crate) struct Basket {
    pub(crate) lines: Vec<Line>,
    pub(crate) sums: Vec<Sum>,
    pub(crate) total: String,
    /// `Includes €3.51 VAT.`
    pub(crate) tax_note: String,
}

impl Basket {
    /// What is in a cart; warns of what cannot be bought as `available` tells.
    pub(crate) fn of_cart(cart: &Cart, available: &Available) -> Self {
        let addressed = cart.shipping_address.is_some();
        let delivery = (addressed && cart.shipping_method.is_some()).then_some(cart.totals.shipping);
        let line = |line: &CartLine| Line::of_cart(line, available.get(&line.sku).copied());
        Self::new(cart.lines.iter().map(line).collect(), &cart.totals, delivery)
    }

    /// What was ordered.
    pub(crate) fn of_order(order: &Order) -> Self {
        let delivery = order.shipping_method.is_some().then_some(order.totals.shipping);
        let mut basket = Self::new(order.lines.iter().map(Line::of_order).collect(), &order.totals, delivery);
        if order.refunded.amount > 0 {
            basket.sums.push(Sum { label: "Paid back".into(), amount: price(order.refunded) });
        }
        basket
    }

    fn new(lines: Vec<Line>, totals: &Totals, delivery: Option<Money>) -> Self {
        let sum = |label: &str, amount: String| Sum { label: label.to_owned(), amount };
        let mut sums = vec![sum("Subtotal", price(totals.subtotal))];
        if totals.discount.amount != 0 {
            sums.push(sum("Discount", format!("\u{2212}{}", price(totals.discount))));
        }
        match delivery {
            Some(free) if free.amount == 0 => sums.push(sum("Delivery", "Free".into())),
            Some(delivery) => sums.push(sum("Delivery", price(delivery))),
            None => {}
        }
        if totals.tax_added.amount != 0 {
            sums.push(sum("Tax", price(totals.tax_added)));
        }
        let tax_note = match totals.tax_included.amount {
            0 => String::new(),
            _ => format!("Includes {} tax.", price(totals.tax_included)),
        };
        Self { lines, sums, total: price(totals.total), tax_note }
    }

    /// Whether something in it cannot be bought.
    pub(crate) fn is_blocked(&self) -> bool {
        self.lines.iter().any(|line| line.warning.is_some())
    }

    /// Pieces.
    pub(crate) fn pieces(&self) -> i64 {
        self.lines.iter().map(|line| line.quantity).sum()
    }
}

impl Line {
    fn of_cart(line: &CartLine, left: Option<i64>) -> Self {
        Self {
            sku: line.sku.clone(),
            title: line.title.clone(),
            choice: line.choice.clone(),
            href: crate::link::link(&format!("/p/{}", line.slug), [("sku", line.sku.as_str())]),
            image: line.image.clone(),
            quantity: line.quantity,
            unit: price(line.unit_price),
            total: price(line.total),
            warning: warning(line, left),
        }
    }

    fn of_order(line: &OrderLine) -> Self {
        Self {
            sku: line.sku.clone(),
            title: line.title.clone(),
            choice: line.choice.clone(),
            href: String::new(),
            image: line.image.clone(),
            quantity: line.quantity,
            unit: line.unit_price.map(price).unwrap_or_default(),
            total: price(line.total),
            warning: None,
        }
    }
}

fn warning(line: &CartLine, left: Option<i64>) -> Option<String> {
    match left {
        _ if !line.available => Some("No longer for sale. Please remove it.".into()),
        Some(0) => Some("Sold out for now. Please remove it.".into()),
        Some(left) if left < line.quantity => Some(format!("Only {left} left. Please take fewer.")),
        _ => None,
    }
}

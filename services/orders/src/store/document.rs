//! What an order remembers for ever, as compact JSON: amounts are minor units of the order's currency.

use serde::{Deserialize, Serialize};
use shoal_contract::Address;
use shoal_contract::orders::{CartId, Discount, Order, OrderLine, TaxLine, Totals};
use shoal_contract::products::{ProductId, VariantId};
use shoal_types::{Currency, Money};

#[derive(Serialize, Deserialize)]
pub(super) struct Document {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cart: Option<CartId>,
    lines: Vec<Line>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shipping_address: Option<Address>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) billing_address: Option<Address>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shipping_method: Option<String>,
    totals: Sums,
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant: Option<VariantId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    product: Option<ProductId>,
    sku: String,
    title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    choice: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    quantity: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit_price: Option<i64>,
    subtotal: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    discounts: Vec<(String, i64)>,
    total: i64,
    #[serde(default, skip_serializing_if = "is_default")]
    tax: i64,
    #[serde(default, skip_serializing_if = "is_default")]
    tax_rate_bp: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    tax_included: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    shippable: bool,
}

#[derive(Serialize, Deserialize)]
struct Sums {
    subtotal: i64,
    #[serde(default, skip_serializing_if = "is_default")]
    discount: i64,
    #[serde(default, skip_serializing_if = "is_default")]
    shipping: i64,
    #[serde(default, skip_serializing_if = "is_default")]
    tax_added: i64,
    #[serde(default, skip_serializing_if = "is_default")]
    tax_included: i64,
    total: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    taxes: Vec<Tax>,
}

#[derive(Serialize, Deserialize)]
struct Tax {
    category: String,
    rate_bp: u32,
    included: bool,
    base: i64,
    amount: i64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Document {
    pub(super) fn of(order: &Order) -> Self {
        Self {
            email: order.email.clone(),
            cart: order.cart,
            lines: order.lines.iter().map(Line::of).collect(),
            note: order.note.clone(),
            shipping_address: order.shipping_address.clone(),
            billing_address: order.billing_address.clone(),
            shipping_method: order.shipping_method.clone(),
            totals: Sums::of(&order.totals),
        }
    }

    /// The lines, none of them sent yet.
    pub(super) fn lines(&mut self, currency: Currency) -> Vec<OrderLine> {
        (1..)
            .zip(std::mem::take(&mut self.lines))
            .map(|(place, line)| line.in_currency(place, currency))
            .collect()
    }

    pub(super) fn totals(&self, currency: Currency) -> Totals {
        self.totals.in_currency(currency)
    }
}

impl Line {
    fn of(line: &OrderLine) -> Self {
        let discount = |discount: &Discount| (discount.kind.clone(), discount.amount.amount);
        Self {
            variant: line.variant,
            product: line.product,
            sku: line.sku.clone(),
            title: line.title.clone(),
            choice: line.choice.clone(),
            image: line.image.clone(),
            note: line.note.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price.map(|price| price.amount),
            subtotal: line.subtotal.amount,
            discounts: line.discounts.iter().map(discount).collect(),
            total: line.total.amount,
            tax: line.tax.amount,
            tax_rate_bp: line.tax_rate_bp,
            tax_included: line.tax_included,
            shippable: line.shippable,
        }
    }

    fn in_currency(self, place: u32, currency: Currency) -> OrderLine {
        let money = |amount| Money::new(amount, currency);
        let discount = |(kind, amount)| Discount { kind, amount: money(amount) };
        OrderLine {
            line: place,
            variant: self.variant,
            product: self.product,
            sku: self.sku,
            title: self.title,
            choice: self.choice,
            image: self.image,
            note: self.note,
            quantity: self.quantity,
            unit_price: self.unit_price.map(money),
            subtotal: money(self.subtotal),
            discounts: self.discounts.into_iter().map(discount).collect(),
            total: money(self.total),
            tax: money(self.tax),
            tax_rate_bp: self.tax_rate_bp,
            tax_included: self.tax_included,
            shippable: self.shippable,
            fulfilled: 0,
            returned: 0,
        }
    }
}

impl Sums {
    fn of(totals: &Totals) -> Self {
        let tax = |tax: &TaxLine| Tax {
            category: tax.category.clone(),
            rate_bp: tax.rate_bp,
            included: tax.included,
            base: tax.base.amount,
            amount: tax.amount.amount,
        };
        Self {
            subtotal: totals.subtotal.amount,
            discount: totals.discount.amount,
            shipping: totals.shipping.amount,
            tax_added: totals.tax_added.amount,
            tax_included: totals.tax_included.amount,
            total: totals.total.amount,
            taxes: totals.taxes.iter().map(tax).collect(),
        }
    }

    fn in_currency(&self, currency: Currency) -> Totals {
        let money = |amount| Money::new(amount, currency);
        let tax = |tax: &Tax| TaxLine {
            category: tax.category.clone(),
            rate_bp: tax.rate_bp,
            included: tax.included,
            base: money(tax.base),
            amount: money(tax.amount),
        };
        Totals {
            subtotal: money(self.subtotal),
            discount: money(self.discount),
            shipping: money(self.shipping),
            tax_added: money(self.tax_added),
            tax_included: money(self.tax_included),
            total: money(self.total),
            taxes: self.taxes.iter().map(tax).collect(),
        }
    }
}

//! What an order adds to the figures of sales. A pure function of the order, so that they can be made anew at any time and
//! it does not matter in which order, or how often, its events are heard.

use std::collections::BTreeMap;
use std::ops::{AddAssign, SubAssign};

use serde::{Deserialize, Serialize};
use shoal_contract::orders::{Day, Order, OrderLine, OrderStatus, Return, ReturnId};
use shoal_contract::products::ProductId;
use shoal_types::{Currency, Money, Rounding, Timestamp};

use super::zone::Zone;

/// The most pieces, and the most minor units, of an order that is counted; so no sum of many ever leaves 64 bits. Only an
/// imported order can be larger.
const COUNTED_MAX: i128 = 100_000_000_000_000;

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// None for what belongs to no product here.
    pub(crate) product: Option<ProductId>,
    /// Empty for shipping and what else is no line.
    pub(crate) sku: String,
    pub(crate) day: Day,
    pub(crate) currency: Currency,
}

/// Pieces and minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) units: i64,
    pub(crate) gross: i64,
    pub(crate) units_back: i64,
    pub(crate) refunded: i64,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.units += other.units;
        self.gross += other.gross;
        self.units_back += other.units_back;
        self.refunded += other.refunded;
    }
}

impl SubAssign for Figures {
    fn sub_assign(&mut self, other: Self) {
        self.units -= other.units;
        self.gross -= other.gross;
        self.units_back -= other.units_back;
        self.refunded -= other.refunded;
    }
}

/// Figures by what they are counted under.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally(BTreeMap<Key, Figures>);

impl Tally {
    pub(crate) fn add(&mut self, key: Key, figures: Figures) {
        *self.0.entry(key).or_default() += figures;
    }

    /// Adds what an order adds now, less what it has added before.
    pub(crate) fn replace(&mut self, before: Tally, now: &Tally) {
        for (key, figures) in &now.0 {
            self.add(key.clone(), *figures);
        }
        for (key, figures) in before.0 {
            *self.0.entry(key).or_default() -= figures;
        }
    }

    /// Those that are not zero, in the order of their keys.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Key, &Figures)> {
        self.0.iter().filter(|(_, figures)| **figures != Figures::default())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries().next().is_none()
    }
}

/// What is known of an order besides the order.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) paid_at: Option<Timestamp>,
    pub(crate) cancelled_at: Option<Timestamp>,
    pub(crate) refunds: Vec<Refund>,
}

/// Money that went back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refund {
    pub(crate) of: Option<ReturnId>,
    /// Minor units.
    pub(crate) amount: i64,
    pub(crate) at: Timestamp,
}

/// What an order has added to the sales once all of its events were heard; nothing as long as it is not paid.
///
/// - It is sold on the day on which it was paid; an imported order on the day it was placed. Each line counts with what was
///   paid for it, all taxes included; the rest of what was paid (shipping) counts for no product.
/// - Pieces come back on the day of the return, or of the cancellation.
/// - Money goes back on the day of the refund: that of a return for the lines of it, in proportion to what they cost; any
///   other for all of the order, in proportion to what was paid for each part.
/// - What an imported order says came back is of the day it was placed, since no other is known. Lines of fewer than no
///   pieces, or of a negative price, are pieces and money that came back.
pub(crate) fn figures(order: &Order, history: &History, zone: &Zone) -> Tally {
    let Some(sold_at) = sold_at(order, history) else { return Tally::default() };
    if !countable(order) {
        tracing::warn!(order = %order.id, "an order too large to be counted among the sales");
        return Tally::default();
    }
    let mut ledger = Ledger { order, zone, rest: rest(order), tally: Tally::default() };
    ledger.sell(sold_at);
    if let Some(at) = history.cancelled_at {
        order.lines.iter().for_each(|line| ledger.take_back(line, line.quantity.max(0), at));
    }
    order.returns.iter().for_each(|goods| ledger.take_goods_back(goods));
    history.refunds.iter().for_each(|refund| ledger.refund(refund));
    ledger.add_what_came_back_before(history, sold_at);
    ledger.tally
}

/// Whether there may be returns or refunds of it to be counted.
pub(crate) fn may_have_come_back(order: &Order) -> bool {
    use OrderStatus::*;
    order.refunded.amount != 0 || matches!(order.status, PartlyFulfilled | Fulfilled | Returned)
}

/// When it was sold.
fn sold_at(order: &Order, history: &History) -> Option<Timestamp> {
    use OrderStatus::*;
    let paid_elsewhere = match order.status {
        Placed => false,
        Paid | PartlyFulfilled | Fulfilled | Returned => true,
        // Paid and imported, and cancelled here.
        Cancelled => order.paid.amount != 0,
    };
    history.paid_at.or(paid_elsewhere.then_some(order.placed_at))
}

/// Whether every sum of the order is within [`COUNTED_MAX`].
fn countable(order: &Order) -> bool {
    let size = |value: i64| i128::from(value).abs();
    let lines = order.lines.iter();
    let pieces: i128 = lines.clone().map(|line| size(line.quantity)).sum();
    let money: i128 = lines.map(|line| size(line.total.amount) + size(line.tax.amount)).sum();
    pieces.max(money).max(size(order.paid.amount)) <= COUNTED_MAX
}

/// What was paid for a line.
fn cost(line: &OrderLine) -> i64 {
    line.total.amount + if line.tax_included { 0 } else { line.tax.amount }
}

/// What was paid beyond the lines: shipping and its tax.
fn rest(order: &Order) -> i64 {
    order.paid.amount - order.lines.iter().map(cost).sum::<i64>()
}

struct Ledger<'o> {
    order: &'o Order,
    zone: &'o Zone,
    rest: i64,
    tally: Tally,
}

impl Ledger<'_> {
    /// Adds to the figures of a line, or of what is no line.
    fn add(&mut self, line: Option<&OrderLine>, at: Timestamp, figures: Figures) {
        let key = Key {
            product: line.and_then(|line| line.product),
            sku: line.map(|line| line.sku.clone()).unwrap_or_default(),
            day: self.zone.day(at),
            currency: self.order.totals.total.currency,
        };
        self.tally.add(key, figures);
    }

    fn sell(&mut self, at: Timestamp) {
        for line in &self.order.lines {
            self.add(Some(line), at, signed(line.quantity, cost(line)));
        }
        self.add(None, at, signed(0, self.rest));
    }

    fn take_back(&mut self, line: &OrderLine, pieces: i64, at: Timestamp) {
        self.add(Some(line), at, Figures { units_back: pieces, ..Figures::default() });
    }

    fn take_goods_back(&mut self, goods: &Return) {
        for entry in &goods.lines {
            if let Some(line) = self.order.lines.iter().find(|line| line.line == entry.line) {
                self.take_back(line, entry.quantity, goods.at);
            }
        }
    }

    fn refund(&mut self, refund: &Refund) {
        let goods = self.order.returns.iter().find(|goods| Some(goods.id) == refund.of);
        let weight = |line: &OrderLine| match goods {
            None => cost(line),
            Some(goods) => {
                let pieces = goods.lines.iter().filter(|entry| entry.line == line.line);
                worth(line, pieces.map(|entry| entry.quantity).sum())
            }
        };
        let weights: Vec<i64> = self.order.lines.iter().map(|line| weight(line).max(0)).collect();
        let rest = if goods.is_some() { 0 } else { self.rest.max(0) };
        self.pay_back(refund.amount, rest, &weights, refund.at);
    }

    /// Spreads money that went back over what is no line and the lines. Where nothing has a weight it is of no line.
    fn pay_back(&mut self, amount: i64, rest: i64, lines: &[i64], at: Timestamp) {
        let money = Money::new(amount, self.order.totals.total.currency);
        let weights: Vec<i64> = std::iter::once(rest).chain(lines.iter().copied()).collect();
        // It fails for weights below zero only; then the money is of no line.
        let parts = money.split(&weights).unwrap_or_else(|_| vec![money]);
        let of = std::iter::once(None).chain(self.order.lines.iter().map(Some));
        for (line, part) in of.zip(parts) {
            self.add(line, at, Figures { refunded: part.amount, ..Figures::default() });
        }
    }

    /// What came back before the order was brought here.
    fn add_what_came_back_before(&mut self, history: &History, at: Timestamp) {
        for line in &self.order.lines {
            let goods = self.order.returns.iter().flat_map(|goods| &goods.lines);
            let here: i64 = goods.filter(|entry| entry.line == line.line).map(|entry| entry.quantity).sum();
            self.take_back(line, (line.returned - here).max(0), at);
        }
        let here: i64 = history.refunds.iter().map(|refund| refund.amount).sum();
        let before = self.order.refunded.amount - here;
        if before > 0 {
            self.refund(&Refund { of: None, amount: before, at });
        }
    }
}

/// Pieces and money of a sale; less than none is what came back.
fn signed(units: i64, gross: i64) -> Figures {
    Figures {
        units: units.max(0),
        gross: gross.max(0),
        units_back: (-units).max(0),
        refunded: (-gross).max(0),
    }
}

/// What was paid for some pieces of a line.
fn worth(line: &OrderLine, pieces: i64) -> i64 {
    let cost = Money::new(cost(line), line.total.currency);
    cost.ratio(pieces, line.quantity, Rounding::HalfUp).map_or(0, |worth| worth.amount)
}

#[cfg(test)]
mod tests;

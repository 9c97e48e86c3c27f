use shoal_contract::orders::{Error, LineQuantity, Order, OrderLine, OrderStatus};
use shoal_types::{Money, MoneyError, Rounding};

use super::lifecycle::{refused, summed};

/// What a return takes back, and what is owed for it.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The pieces, by line.
    pub(crate) lines: Vec<LineQuantity>,
    /// What those of each line are worth.
    pub(crate) values: Vec<Money>,
    /// What is owed for them.
    pub(crate) refund: Money,
}

/// Plans what a return of the pieces `asked` for takes back.
///
/// Only what was sent and has not come back yet can come back. Owed is each line's share of its price and of the
/// tax on top of it, see [`share`], but never more than the shop still has: what was paid, less what went back and
/// less what earlier returns are still owed.
///
/// # Errors
/// `OrderState` if nothing was sent; `UnknownLine`; `QuantityTooLarge`; `AmountTooLarge`.
pub(crate) fn plan(order: &Order, asked: &[LineQuantity]) -> Result<Plan, Error> {
    if !matches!(order.status, OrderStatus::PartlyFulfilled | OrderStatus::Fulfilled | OrderStatus::Returned)
    {
        return Err(refused(order.status));
    }
    let lines = summed(order, asked, |line| line.fulfilled - line.returned)?;
    let money = |amount| Money::new(amount, order.totals.total.currency);
    let (mut owed, mut values) = (0_i64, Vec::with_capacity(lines.len()));
    for entry in &lines {
        let line = order.lines.iter().find(|line| line.line == entry.line).ok_or(Error::UnknownLine {})?;
        let share = share(line, entry.quantity).map_err(|_| Error::AmountTooLarge {})?;
        owed = owed.checked_add(share).ok_or(Error::AmountTooLarge {})?;
        values.push(money(share));
    }
    let refund = money(owed.min(held(order)).max(0));
    Ok(Plan { lines, values, refund })
}

/// What `quantity` more pieces of a line coming back are worth, minor units.
///
/// All pieces that came back are worth their part of what the line cost, rounded half up once; a return is worth
/// what that sum grows by. So returning a line in any number of steps gives exactly what it cost.
fn share(line: &OrderLine, quantity: i64) -> Result<i64, MoneyError> {
    let added = if line.tax_included { 0 } else { line.tax.amount };
    let cost = line.total.plus(Money::new(added, line.total.currency))?;
    let worth = |pieces: i64| cost.ratio(pieces, line.quantity, Rounding::HalfUp);
    Ok(worth(line.returned + quantity)?.minus(worth(line.returned)?)?.amount)
}

/// What the shop still has of the order's money and owes to no earlier return.
fn held(order: &Order) -> i64 {
    let pending =
        order.returns.iter().filter(|earlier| !earlier.refunded).map(|earlier| earlier.refund.amount);
    let out = pending.fold(order.refunded.amount, i64::saturating_add);
    order.paid.amount.saturating_sub(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shoal_contract::products::AMOUNT_MAX;
    use shoal_types::Currency;

    use super::*;

    fn line(quantity: i64, total: i64, tax: i64, tax_included: bool) -> OrderLine {
        let eur = |amount| Money::new(amount, Currency::EUR);
        OrderLine {
            line: 1,
            variant: None,
            product: None,
            sku: "MUG".into(),
            title: "Mug".into(),
            choice: String::new(),
            image: None,
            note: None,
            quantity,
            unit_price: None,
            subtotal: eur(total),
            discounts: Vec::new(),
            total: eur(total),
            tax: eur(tax),
            tax_rate_bp: 0,
            tax_included,
            shippable: true,
            fulfilled: quantity,
            returned: 0,
        }
    }

    #[test]
    fn three_thirds_are_the_whole() {
        let mut line = line(3, 1000, 190, false);
        let shares = [0, 1, 2].map(|returned| {
            line.returned = returned;
            share(&line, 1)
        });
        assert_eq!(shares, [Ok(397), Ok(396), Ok(397)]);
        line.tax_included = true;
        line.returned = 0;
        assert_eq!(share(&line, 3), Ok(1000), "a tax within the price is no extra");
    }

    proptest! {
        #[test]
        fn returning_a_line_in_any_steps_gives_what_it_cost(
            steps in prop::collection::vec(1_i64..1_000, 1..20),
            total in 0..AMOUNT_MAX,
            tax in 0..AMOUNT_MAX,
            included: bool,
        ) {
            let mut line = line(steps.iter().sum(), total, tax, included);
            let mut sum = 0;
            for step in steps {
                let share = share(&line, step).expect("fits");
                prop_assert!(share >= 0);
                sum += share;
                line.returned += step;
            }
            prop_assert_eq!(sum, total + if included { 0 } else { tax });
        }
    }
}

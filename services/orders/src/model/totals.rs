use std::collections::BTreeMap;

use shoal_contract::orders::{Error, TaxLine, Totals};
use shoal_types::{Currency, Money};

use super::tax::{LocalRates, Rate};

/// What the totals need to know of a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taxable<'a> {
    /// Price of all pieces, minor units, not negative.
    pub(crate) total: i64,
    /// Tax category.
    pub(crate) category: &'a str,
}

/// The tax of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LineTax {
    /// Minor units.
    pub(crate) amount: i64,
    /// By which rate.
    pub(crate) rate: Rate,
}

/// What lines and their shipping come to.
#[derive(Debug)]
pub(crate) struct Sums {
    /// The totals.
    pub(crate) totals: Totals,
    /// The tax of each line, in their order.
    pub(crate) lines: Vec<LineTax>,
}

/// The price of `quantity` pieces.
///
/// # Errors
/// `AmountTooLarge`.
pub(crate) fn price_of_all(unit_price: i64, quantity: i64) -> Result<i64, Error> {
    unit_price.checked_mul(quantity).ok_or(Error::AmountTooLarge {})
}

/// Adds up lines and shipping with the tax of each: `total = subtotal - discount + shipping + tax_added`.
///
/// Tax is rounded line by line, and for shipping as one more line; see [`Rate::of`].
///
/// # Errors
/// `AmountTooLarge` if a sum does not fit 64 bits.
pub(crate) fn add_up(
    currency: Currency,
    lines: &[Taxable<'_>],
    shipping: i64,
    rates: LocalRates<'_>,
) -> Result<Sums, Error> {
    let mut taxes = Taxes::default();
    let mut line_taxes = Vec::with_capacity(lines.len());
    let mut subtotal = 0_i128;
    for line in lines {
        subtotal += i128::from(line.total);
        line_taxes.push(taxes.add(line.category, line.total, rates.of_goods(line.category))?);
    }
    if let (Some((category, rate)), true) = (rates.of_shipping(), shipping > 0) {
        taxes.add(category, shipping, Some(rate))?;
    }
    let money = |amount: i128| -> Result<Money, Error> {
        let amount = i64::try_from(amount).map_err(|_| Error::AmountTooLarge {})?;
        Ok(Money::new(amount, currency))
    };
    let (added, included) = taxes.sums();
    let totals = Totals {
        subtotal: money(subtotal)?,
        discount: Money::zero(currency),
        shipping: Money::new(shipping, currency),
        tax_added: money(added)?,
        tax_included: money(included)?,
        total: money(subtotal + i128::from(shipping) + added)?,
        taxes: taxes.lines(money)?,
    };
    Ok(Sums { totals, lines: line_taxes })
}

/// Tax by category and rate: what it is on, and how much it is.
#[derive(Default)]
struct Taxes<'a>(BTreeMap<(&'a str, u32, bool), (i128, i128)>);

impl<'a> Taxes<'a> {
    fn add(&mut self, category: &'a str, amount: i64, rate: Option<Rate>) -> Result<LineTax, Error> {
        let Some(rate) = rate else { return Ok(LineTax::default()) };
        let tax = rate.of(amount).map_err(|_| Error::AmountTooLarge {})?;
        let (base, sum) = self.0.entry((category, rate.bp, rate.included)).or_default();
        *base += i128::from(amount);
        *sum += i128::from(tax);
        Ok(LineTax { amount: tax, rate })
    }

    /// The tax on top of the prices and the tax within them.
    fn sums(&self) -> (i128, i128) {
        let sum = |wanted: bool| {
            let of_kind = self.0.iter().filter(|((_, _, included), _)| *included == wanted);
            of_kind.map(|(_, (_, tax))| tax).sum()
        };
        (sum(false), sum(true))
    }

    fn lines(&self, money: impl Fn(i128) -> Result<Money, Error>) -> Result<Vec<TaxLine>, Error> {
        let line = |(&(category, rate_bp, included), &(base, tax)): (&(&str, u32, bool), &(i128, i128))| {
            Ok(TaxLine {
                category: category.to_owned(),
                rate_bp,
                included,
                base: money(base)?,
                amount: money(tax)?,
            })
        };
        self.0.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shoal_contract::Address;
    use shoal_contract::orders::TaxRate;
    use shoal_contract::products::AMOUNT_MAX;

    use super::*;
    use crate::model::tax::TaxTable;

    const CATEGORIES: [&str; 3] = ["standard", "reduced", "untaxed"];

    fn germany() -> Address {
        Address {
            name: "Ada".into(),
            line1: "Mühlweg 1".into(),
            line2: None,
            city: "Unterstadt".into(),
            postal_code: Some("01067".into()),
            region: None,
            country: "DE".into(),
            phone: None,
        }
    }

    fn table(standard: (u32, bool), reduced: (u32, bool)) -> TaxTable {
        let rate = |category: &str, (rate_bp, included)| TaxRate {
            country: "DE".into(),
            region: None,
            category: category.into(),
            rate_bp,
            included,
        };
        TaxTable::new(&[rate("standard", standard), rate("reduced", reduced)])
    }

    fn sums(table: &TaxTable, lines: &[(i64, usize)], shipping: i64) -> Result<Sums, Error> {
        let taxable = |&(total, category): &(i64, usize)| Taxable { total, category: CATEGORIES[category] };
        let lines: Vec<_> = lines.iter().map(taxable).collect();
        add_up(Currency::EUR, &lines, shipping, table.at(Some(&germany())))
    }

    #[test]
    fn taxes_are_listed_by_rate() {
        let table = table((1900, true), (700, false));
        let sums = sums(&table, &[(1999, 0), (1000, 1), (500, 2)], 490).expect("fits");
        let totals = &sums.totals;
        let amounts = [totals.subtotal, totals.shipping, totals.tax_added, totals.tax_included, totals.total];
        assert_eq!(amounts.map(|money| money.amount), [3499, 490, 70, 319 + 78, 3499 + 490 + 70]);
        let listed: Vec<_> = totals
            .taxes
            .iter()
            .map(|tax| (tax.category.as_str(), tax.base.amount, tax.amount.amount))
            .collect();
        assert_eq!(listed, [("reduced", 1000, 70), ("standard", 1999 + 490, 319 + 78)]);
    }

    #[test]
    fn sums_beyond_64_bits_are_an_error() {
        let table = TaxTable::default();
        assert!(matches!(sums(&table, &[(i64::MAX, 0), (1, 0)], 0), Err(Error::AmountTooLarge {})));
        assert!(matches!(price_of_all(i64::MAX, 2), Err(Error::AmountTooLarge {})));
    }

    fn rate() -> impl Strategy<Value = (u32, bool)> {
        (0_u32..=10_000, any::<bool>())
    }

    proptest! {
        #[test]
        fn the_total_is_the_sum_of_its_parts(
            standard in rate(),
            reduced in rate(),
            lines in prop::collection::vec((0..AMOUNT_MAX, 0_usize..3), 0..40),
            shipping in 0_i64..1_000_000,
        ) {
            let sums = sums(&table(standard, reduced), &lines, shipping).expect("fits");
            let totals = sums.totals;
            let subtotal: i64 = lines.iter().map(|(total, _)| total).sum();
            prop_assert_eq!(totals.subtotal.amount, subtotal);
            prop_assert_eq!(totals.discount.amount, 0);
            prop_assert_eq!(totals.total.amount, subtotal + shipping + totals.tax_added.amount);
            let listed = |included: bool| -> i64 {
                totals.taxes.iter().filter(|tax| tax.included == included).map(|tax| tax.amount.amount).sum()
            };
            prop_assert_eq!((totals.tax_added.amount, totals.tax_included.amount), (listed(false), listed(true)));
            let of_lines: i64 = sums.lines.iter().map(|tax| tax.amount).sum();
            let rate = Rate { bp: standard.0, included: standard.1 };
            let of_shipping = if shipping > 0 { rate.of(shipping).expect("fits") } else { 0 };
            prop_assert_eq!(of_lines + of_shipping, listed(false) + listed(true));
        }

        #[test]
        fn an_included_tax_never_changes_the_total(
            bp in 0_u32..=10_000,
            lines in prop::collection::vec((0..AMOUNT_MAX, 0_usize..2), 0..40),
            shipping in 0_i64..1_000_000,
        ) {
            let taxed = sums(&table((bp, true), (bp, true)), &lines, shipping).expect("fits");
            let untaxed = sums(&TaxTable::default(), &lines, shipping).expect("fits");
            prop_assert_eq!(taxed.totals.total, untaxed.totals.total);
            prop_assert!(taxed.totals.tax_included.amount * 2 <= taxed.totals.total.amount + lines.len() as i64 + 1);
        }

        #[test]
        fn splitting_a_line_moves_its_tax_by_at_most_half_a_unit_each(
            standard in rate(),
            parts in prop::collection::vec(0..AMOUNT_MAX, 1..20),
        ) {
            let table = table(standard, (0, false));
            let tax = |lines: &[(i64, usize)]| -> i64 {
                sums(&table, lines, 0).expect("fits").lines.iter().map(|tax| tax.amount).sum()
            };
            let split: Vec<_> = parts.iter().map(|&part| (part, 0)).collect();
            let off = (tax(&split) - tax(&[(parts.iter().sum(), 0)])).abs();
            prop_assert!(off * 2 <= parts.len() as i64 + 1, "off by {off}");
        }

        #[test]
        fn no_input_panics(
            standard in rate(),
            lines in prop::collection::vec((0..=i64::MAX, 0_usize..3), 0..8),
            shipping in 0..=i64::MAX,
        ) {
            let _ = sums(&table(standard, standard), &lines, shipping);
        }
    }
}

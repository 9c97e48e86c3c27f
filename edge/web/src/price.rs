//! Amounts and days as people read them.

use shoal_contract::products::{Product, Variant};
use shoal_types::{Currency, Money, Timestamp};

/// `€1,234.50`, or `1,234.50 SEK` for currencies whose sign is no single one.
pub(crate) fn price(money: Money) -> String {
    money.for_people()
}

/// Reads what somebody typed as a price, `12` or `12,50`; `None` for anything else.
pub(crate) fn typed_price(text: &str, currency: Currency) -> Option<i64> {
    let plain = text.trim().trim_start_matches(['€', '£', '$']).replace(',', ".");
    Money::parse_decimal(&plain, currency).map(|money| money.amount).filter(|amount| *amount >= 0)
}

/// The variant's price in `currency`.
pub(crate) fn price_of(variant: &Variant, currency: Currency) -> Option<Money> {
    variant.prices.iter().copied().find(|price| price.currency == currency)
}

/// The lowest price of a product and whether others are higher.
pub(crate) fn lowest(product: &Product, currency: Currency) -> Option<(Money, bool)> {
    let prices = || product.variants.iter().filter_map(|variant| price_of(variant, currency));
    let low = prices().min_by_key(|price| price.amount)?;
    Some((low, prices().any(|price| price.amount > low.amount)))
}

/// `22 November 2026`, UTC.
pub(crate) fn day(at: Timestamp) -> String {
    at.day_for_people()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_prices_are_read_or_ignored() {
        for (text, amount) in [("12", Some(1200)), ("€12,50", Some(1250)), ("-1", None), ("cheap", None)] {
            assert_eq!(typed_price(text, Currency::EUR), amount, "{text}");
        }
    }
}

//! Amounts and days as people read them.

use shoal_contract::products::{Product, Variant};
use shoal_types::{Currency, Money, Timestamp};

/// `€1,234.50`, or `1,234.50 SEK` for currencies whose sign is no single one.
pub(crate) fn price(money: Money) -> String {
    let places = money.currency.exponent() as usize;
    let digits = format!("{:0>width$}", money.amount.unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let point = if places > 0 { "." } else { "" };
    let number = format!("{}{point}{fraction}", grouped(whole));
    let minus = if money.amount < 0 { "\u{2212}" } else { "" };
    match money.currency.code() {
        "EUR" => format!("{minus}€{number}"),
        "GBP" => format!("{minus}£{number}"),
        "USD" => format!("{minus}${number}"),
        "JPY" => format!("{minus}¥{number}"),
        code => format!("{minus}{number} {code}"),
    }
}

fn grouped(whole: &str) -> String {
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let text = at.to_string();
    let mut parts = text.split(['-', 'T']);
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let number = |part: Option<&str>| part.and_then(|part| part.parse::<usize>().ok()).unwrap_or(1);
    let month = MONTHS[(number(month).max(1) - 1) % MONTHS.len()];
    format!("{} {month} {}", number(day), year.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_their_sign() {
        let yen: Currency = "JPY".parse().expect("valid");
        let krone: Currency = "SEK".parse().expect("valid");
        for (amount, currency, text) in [
            (2200, Currency::EUR, "€22.00"),
            (5, Currency::GBP, "£0.05"),
            (123_456_789, Currency::USD, "$1,234,567.89"),
            (-150, Currency::EUR, "\u{2212}€1.50"),
            (1200, yen, "¥1,200"),
            (1200, krone, "12.00 SEK"),
        ] {
            assert_eq!(price(Money::new(amount, currency)), text);
        }
    }

    #[test]
    fn typed_prices_are_read_or_ignored() {
        for (text, amount) in [("12", Some(1200)), ("€12,50", Some(1250)), ("-1", None), ("cheap", None)] {
            assert_eq!(typed_price(text, Currency::EUR), amount, "{text}");
        }
    }

    #[test]
    fn days_are_written_out() {
        assert_eq!(day(Timestamp::parse("2026-11-02T10:00:00Z").expect("a time")), "2 November 2026");
    }
}

//! Amounts and days as people read them, on pages and in mails.

use crate::{Money, Timestamp};

impl Money {
    /// `€1,234.50`, or `1,234.50 SEK` for currencies whose sign is no single one.
    pub fn for_people(self) -> String {
        let places = self.currency.exponent() as usize;
        let digits = format!("{:0>width$}", self.amount.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let point = if places > 0 { "." } else { "" };
        let number = format!("{}{point}{fraction}", grouped(whole));
        let minus = if self.amount < 0 { "\u{2212}" } else { "" };
        match self.currency.code() {
            "EUR" => format!("{minus}€{number}"),
            "GBP" => format!("{minus}£{number}"),
            "USD" => format!("{minus}${number}"),
            "JPY" => format!("{minus}¥{number}"),
            code => format!("{minus}{number} {code}"),
        }
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

impl Timestamp {
    /// Its day: `22 November 2026`, UTC.
    pub fn day_for_people(self) -> String {
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
        let text = self.to_string();
        let mut parts = text.split(['-', 'T']);
        let (year, month, day) = (parts.next(), parts.next(), parts.next());
        let number = |part: Option<&str>| part.and_then(|part| part.parse::<usize>().ok()).unwrap_or(1);
        let month = MONTHS[(number(month).max(1) - 1) % MONTHS.len()];
        format!("{} {month} {}", number(day), year.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    #[test]
    fn amounts_are_written_with_their_sign() {
        let yen: Currency = "JPY".parse().expect("valid");
        let krone: Currency = "SEK".parse().expect("valid");
        let dinar: Currency = "KWD".parse().expect("valid");
        for (amount, currency, text) in [
            (2200, Currency::EUR, "€22.00"),
            (5, Currency::GBP, "£0.05"),
            (123_456_789, Currency::USD, "$1,234,567.89"),
            (-150, Currency::EUR, "\u{2212}€1.50"),
            (1200, yen, "¥1,200"),
            (1200, krone, "12.00 SEK"),
            (1_234_500, dinar, "1,234.500 KWD"),
            (i64::MIN, yen, "\u{2212}¥9,223,372,036,854,775,808"),
        ] {
            assert_eq!(Money::new(amount, currency).for_people(), text);
        }
    }

    #[test]
    fn days_are_written_out() {
        let day = Timestamp::parse("2026-11-02T10:00:00Z").expect("a time").day_for_people();
        assert_eq!(day, "2 November 2026");
    }
}

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Currency;

/// An amount in minor units (cents of a euro, yen) of one currency. All arithmetic is exact and checked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Money {
    /// Minor units; negative for money that goes back.
    pub amount: i64,
    /// ISO 4217 code.
    pub currency: Currency,
}

/// Why an amount could not be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoneyError {
    /// The result does not fit 64 bits.
    Overflow,
    /// Two currencies met in one sum.
    CurrencyMismatch,
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overflow => "the amount is too large",
            Self::CurrencyMismatch => "amounts of different currencies cannot be added",
        })
    }
}

impl std::error::Error for MoneyError {}

/// How a fraction of a minor unit becomes a whole one. There is no default: each caller names its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest, ties away from zero: commercial rounding, as tax law usually asks.
    HalfUp,
    /// To the nearest, ties to the even neighbour: no bias over many roundings.
    HalfEven,
    /// Towards zero.
    Down,
}

impl Money {
    /// `amount` minor units of `currency`.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The sum. # Errors: overflow, or another currency.
    pub fn plus(self, other: Money) -> Result<Money, MoneyError> {
        self.same_currency(other)?;
        self.amount
            .checked_add(other.amount)
            .map(|sum| Self::new(sum, self.currency))
            .ok_or(MoneyError::Overflow)
    }

    /// The difference. # Errors: overflow, or another currency.
    pub fn minus(self, other: Money) -> Result<Money, MoneyError> {
        self.same_currency(other)?;
        self.amount
            .checked_sub(other.amount)
            .map(|left| Self::new(left, self.currency))
            .ok_or(MoneyError::Overflow)
    }

    /// `quantity` times the amount. # Errors: overflow.
    pub fn times(self, quantity: i64) -> Result<Money, MoneyError> {
        self.amount.checked_mul(quantity).map(|all| Self::new(all, self.currency)).ok_or(MoneyError::Overflow)
    }

    /// The amount times `numerator / denominator`, rounded once. `denominator` must not be 0.
    ///
    /// # Errors
    /// Overflow, also for a zero denominator.
    pub fn ratio(self, numerator: i64, denominator: i64, rounding: Rounding) -> Result<Money, MoneyError> {
        let product = i128::from(self.amount) * i128::from(numerator);
        let rounded = divide(product, i128::from(denominator), rounding).ok_or(MoneyError::Overflow)?;
        let amount = i64::try_from(rounded).map_err(|_| MoneyError::Overflow)?;
        Ok(Self::new(amount, self.currency))
    }

    /// Splits the amount in proportion to `weights` so that the parts add up to it exactly.
    ///
    /// Parts are rounded towards zero and the units left over go to the largest remainders, earlier parts first.
    /// If all weights are 0 the first part takes everything; no weights give no parts. Weights must not be negative.
    ///
    /// # Errors
    /// Overflow, also for a negative weight.
    ///
    /// Source: largest remainder method (Hare quota).
    pub fn split(self, weights: &[i64]) -> Result<Vec<Money>, MoneyError> {
        if weights.iter().any(|&weight| weight < 0) {
            return Err(MoneyError::Overflow);
        }
        let total: i128 = weights.iter().map(|&weight| i128::from(weight)).sum();
        let mut parts = vec![0_i64; weights.len()];
        if total == 0 {
            parts.iter_mut().take(1).for_each(|first| *first = self.amount);
            return Ok(self.with_amounts(parts));
        }
        let (size, sign) = (i128::from(self.amount).abs(), self.amount.signum());
        let mut remainders = Vec::with_capacity(weights.len());
        let mut left = size;
        for (index, &weight) in weights.iter().enumerate() {
            let share = size * i128::from(weight);
            let whole = share / total;
            left -= whole;
            remainders.push((share % total, index));
            parts[index] = i64::try_from(whole).map_err(|_| MoneyError::Overflow)?;
        }
        remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        for &(_, index) in remainders.iter().take(usize::try_from(left).map_err(|_| MoneyError::Overflow)?) {
            parts[index] = parts[index].checked_add(1).ok_or(MoneyError::Overflow)?;
        }
        parts.iter_mut().for_each(|part| *part *= sign);
        Ok(self.with_amounts(parts))
    }

    /// Reads a decimal such as `19.99` or `-0.5` exactly; `None` if it is no number, has more places than the
    /// currency (trailing zeros are fine) or does not fit.
    pub fn parse_decimal(text: &str, currency: Currency) -> Option<Self> {
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        let places = currency.exponent() as usize;
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && !digits.contains('.'))
            || !plain(whole)
            || !plain(fraction)
            || fraction.len() > places
        {
            return None;
        }
        if digits.bytes().all(|byte| byte == b'.') {
            return None;
        }
        let amount: i64 = format!("0{whole}{fraction:0<places$}").parse().ok()?;
        Some(Self::new(if negative { -amount } else { amount }, currency))
    }

    fn with_amounts(self, amounts: Vec<i64>) -> Vec<Money> {
        amounts.into_iter().map(|amount| Self::new(amount, self.currency)).collect()
    }

    fn same_currency(self, other: Money) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::CurrencyMismatch) }
    }
}

fn divide(numerator: i128, denominator: i128, rounding: Rounding) -> Option<i128> {
    let quotient = numerator.checked_div(denominator)?;
    let remainder = numerator % denominator;
    let doubled = remainder.unsigned_abs() * 2;
    let away = match rounding {
        Rounding::Down => false,
        Rounding::HalfUp => doubled >= denominator.unsigned_abs(),
        Rounding::HalfEven => {
            doubled > denominator.unsigned_abs()
                || (doubled == denominator.unsigned_abs() && quotient % 2 != 0)
        }
    };
    let direction = if (numerator < 0) == (denominator < 0) { 1 } else { -1 };
    Some(if away { quotient + direction } else { quotient })
}

/// `19.99 EUR`: for logs and tables. Clients format for their reader's locale.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent();
        let unit = 10_u64.pow(exponent);
        let (sign, size) = (if self.amount < 0 { "-" } else { "" }, self.amount.unsigned_abs());
        match exponent {
            0 => write!(f, "{sign}{size} {}", self.currency),
            _ => write!(
                f,
                "{sign}{}.{:0width$} {}",
                size / unit,
                size % unit,
                self.currency,
                width = exponent as usize
            ),
        }
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn eur(amount: i64) -> Money {
        Money::new(amount, Currency::EUR)
    }

    #[test]
    fn rounding_is_named_and_exact() {
        assert_eq!(eur(5).ratio(1, 2, Rounding::HalfUp), Ok(eur(3)));
        assert_eq!(eur(5).ratio(1, 2, Rounding::HalfEven), Ok(eur(2)));
        assert_eq!(eur(-5).ratio(1, 2, Rounding::HalfUp), Ok(eur(-3)));
        assert_eq!(eur(-5).ratio(1, 2, Rounding::Down), Ok(eur(-2)));
        assert_eq!(eur(1).ratio(1, 0, Rounding::Down), Err(MoneyError::Overflow));
        assert_eq!(eur(i64::MAX).ratio(2, 1, Rounding::Down), Err(MoneyError::Overflow));
    }

    #[test]
    fn the_largest_remainders_get_the_last_cents() {
        assert_eq!(eur(100).split(&[1, 1, 1]), Ok(vec![eur(34), eur(33), eur(33)]));
        assert_eq!(eur(-5).split(&[1, 1]), Ok(vec![eur(-3), eur(-2)]));
        assert_eq!(eur(7).split(&[0, 0]), Ok(vec![eur(7), eur(0)]));
        assert_eq!(eur(7).split(&[]), Ok(vec![]));
    }

    #[test]
    fn decimals_are_read_exactly_or_not_at_all() {
        for (text, cents) in
            [("19.99", 1999), ("-0.5", -50), ("7", 700), (".5", 50), ("10.000", 1000), ("3.", 300)]
        {
            assert_eq!(Money::parse_decimal(text, Currency::EUR), Some(eur(cents)), "{text}");
        }
        for text in ["", "-", ".", "1.999", "1,50", "1e3", "--1", "92233720368547758080"] {
            assert_eq!(Money::parse_decimal(text, Currency::EUR), None, "{text}");
        }
        let yen: Currency = "JPY".parse().expect("valid");
        assert_eq!(Money::parse_decimal("1200", yen), Some(Money::new(1200, yen)));
        assert_eq!(Money::new(1200, yen).to_string(), "1200 JPY");
        assert_eq!(eur(-5).to_string(), "-0.05 EUR");
    }

    #[test]
    fn currencies_do_not_mix() {
        assert_eq!(eur(1).plus(Money::zero(Currency::USD)), Err(MoneyError::CurrencyMismatch));
    }

    proptest! {
        #[test]
        fn parts_add_up_and_are_fair(amount: i32, weights in prop::collection::vec(0_i64..1_000_000, 1..20)) {
            let whole = eur(i64::from(amount));
            let parts = whole.split(&weights).expect("fits");
            prop_assert_eq!(parts.iter().map(|part| part.amount).sum::<i64>(), whole.amount);
            let total: i64 = weights.iter().sum();
            if total > 0 {
                for (part, weight) in parts.iter().zip(&weights) {
                    let exact = i128::from(amount) * i128::from(*weight);
                    let off = (i128::from(part.amount) * i128::from(total) - exact).abs();
                    prop_assert!(off < i128::from(total), "more than one unit off");
                }
            }
        }

        #[test]
        fn decimal_text_round_trips(amount: i64) {
            prop_assume!(amount != i64::MIN);
            let text = eur(amount).to_string();
            let number = text.split(' ').next().expect("a number");
            prop_assert_eq!(Money::parse_decimal(number, Currency::EUR), Some(eur(amount)));
        }
    }
}

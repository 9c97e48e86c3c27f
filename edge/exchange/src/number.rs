//! Exact numbers from text: money and weights are computed as fractions and rounded once, if at all.

use shoal_types::Rounding;

/// A fraction; the denominator is positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fraction {
    numerator: i128,
    denominator: i128,
}

/// More digits than any price has; keeps every product of three such numbers within 128 bits.
const DIGITS_MAX: usize = 18;

impl Fraction {
    pub(crate) const ZERO: Self = Self { numerator: 0, denominator: 1 };

    /// `numerator / denominator`; none for a denominator that is not positive.
    pub(crate) const fn new(numerator: i128, denominator: i128) -> Option<Self> {
        if denominator > 0 { Some(Self { numerator, denominator }) } else { None }
    }

    /// Reads `12`, `-0.5`, `1e3` not: digits with at most one point, at most 18 of them.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let len = whole.len() + fraction.len();
        if len == 0 || len > DIGITS_MAX || !plain(whole) || !plain(fraction) {
            return None;
        }
        let size = whole
            .bytes()
            .chain(fraction.bytes())
            .fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        let denominator = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
        Some(Self { numerator: if negative { -size } else { size }, denominator })
    }

    /// Reads a number with other marks: `1.299,50` has the thousands mark `.` and the decimal mark `,`.
    pub(crate) fn parse_marked(text: &str, decimal: char, thousands: Option<char>) -> Option<Self> {
        if decimal == '.' && thousands.is_none() {
            return Self::parse(text);
        }
        // A point that is no mark would become one.
        if decimal != '.' && thousands != Some('.') && text.contains('.') {
            return None;
        }
        let plain: String = text
            .chars()
            .filter(|&letter| Some(letter) != thousands)
            .map(|letter| if letter == decimal { '.' } else { letter })
            .collect();
        Self::parse(&plain)
    }

    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        if self.denominator == other.denominator {
            return Some(Self { numerator: self.numerator.checked_add(other.numerator)?, ..self });
        }
        let left = self.numerator.checked_mul(other.denominator)?;
        let right = other.numerator.checked_mul(self.denominator)?;
        Some(Self {
            numerator: left.checked_add(right)?,
            denominator: self.denominator.checked_mul(other.denominator)?,
        })
    }

    pub(crate) fn times(self, other: Self) -> Option<Self> {
        Some(Self {
            numerator: self.numerator.checked_mul(other.numerator)?,
            denominator: self.denominator.checked_mul(other.denominator)?,
        })
    }

    /// The quotient; none for a zero divisor.
    pub(crate) fn divided_by(self, other: Self) -> Option<Self> {
        let sign = other.numerator.signum();
        Self::new(
            self.numerator.checked_mul(other.denominator)?.checked_mul(sign)?,
            self.denominator.checked_mul(other.numerator.checked_abs()?)?,
        )
    }

    pub(crate) fn is_less_than(self, other: Self) -> bool {
        match (self.numerator.checked_mul(other.denominator), other.numerator.checked_mul(self.denominator)) {
            (Some(left), Some(right)) => left < right,
            _ => false,
        }
    }

    pub(crate) fn is_zero(self) -> bool {
        self.numerator == 0
    }

    /// The whole number it is, if it is one.
    pub(crate) fn whole(self) -> Option<i64> {
        (self.numerator % self.denominator == 0)
            .then(|| i64::try_from(self.numerator / self.denominator).ok())?
    }

    /// The nearest whole number by `rounding`.
    pub(crate) fn rounded(self, rounding: Rounding) -> Option<i64> {
        let (quotient, remainder) = (self.numerator / self.denominator, self.numerator % self.denominator);
        let doubled = remainder.unsigned_abs().checked_mul(2)?;
        let whole = self.denominator.unsigned_abs();
        let away = match rounding {
            Rounding::Down => false,
            Rounding::HalfUp => doubled >= whole,
            Rounding::HalfEven => doubled > whole || (doubled == whole && quotient % 2 != 0),
        };
        let step = if self.numerator < 0 { -1 } else { 1 };
        i64::try_from(if away { quotient + step } else { quotient }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Fraction {
        Fraction::parse(text).expect(text)
    }

    #[test]
    fn numbers_are_read_exactly_or_not_at_all() {
        assert_eq!(read("19.90").times(read("100")).and_then(Fraction::whole), Some(1990));
        assert_eq!(read("-.5").rounded(Rounding::HalfUp), Some(-1));
        for text in ["", "-", ".", "1,5", "1e3", "0x1", "1.2.3", "1234567890123456789"] {
            assert_eq!(Fraction::parse(text), None, "{text}");
        }
    }

    #[test]
    fn marks_of_other_countries_are_read() {
        let euro = |text| Fraction::parse_marked(text, ',', Some('.'));
        assert_eq!(
            euro("1.299,50").and_then(|n| n.times(read("100"))).and_then(Fraction::whole),
            Some(129_950)
        );
        assert_eq!(Fraction::parse_marked("1.5", ',', None), None);
        assert_eq!(Fraction::parse_marked("1,500", '.', Some(',')).and_then(Fraction::whole), Some(1500));
    }

    #[test]
    fn arithmetic_is_exact() {
        assert_eq!(read("0.1").plus(read("0.25")), Fraction::new(350, 1000));
        assert_eq!(read("1").divided_by(read("-4")).and_then(|n| n.rounded(Rounding::HalfEven)), Some(0));
        assert_eq!(read("1").divided_by(read("0")), None);
        assert!(read("-0.01").is_less_than(Fraction::ZERO));
    }
}

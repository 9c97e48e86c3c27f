use std::collections::HashMap;

use shoal_contract::Address;
use shoal_contract::orders::TaxRate;
use shoal_types::{Currency, Money, MoneyError, Rounding};

/// The category of goods whose rate shipping takes if it has none of its own.
const STANDARD: &str = "standard";
/// The category of shipping.
const SHIPPING: &str = "shipping";
/// Basis points of the whole.
const WHOLE_BP: i64 = 10_000;

/// A rate as it applies to an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rate {
    /// Basis points, 0 to 10,000.
    pub(crate) bp: u32,
    /// Whether the amount holds the tax already.
    pub(crate) included: bool,
}

impl Rate {
    /// The tax on `amount`, or within it.
    ///
    /// Rounded once, half away from zero, to a whole minor unit: on top it is `amount * bp / 10000`, within it is
    /// `amount * bp / (10000 + bp)`. Each line is rounded by itself and the sums are sums of rounded lines, so that
    /// what a line shows is what the total holds.
    ///
    /// # Errors
    /// Overflow, never for amounts that fit and rates up to 10,000.
    pub(crate) fn of(self, amount: i64) -> Result<i64, MoneyError> {
        let bp = i64::from(self.bp);
        let whole = if self.included { WHOLE_BP + bp } else { WHOLE_BP };
        // The currency plays no part in it: minor units are minor units.
        Ok(Money::new(amount, Currency::EUR).ratio(bp, whole, Rounding::HalfUp)?.amount)
    }
}

/// The rates of categories.
type Categories = HashMap<String, Rate>;
/// The rates of a country by region; those of the whole country under no name.
type Regions = HashMap<String, Categories>;

/// All rates, ready to be asked.
#[derive(Debug, Default)]
pub(crate) struct TaxTable {
    countries: HashMap<String, Regions>,
}

impl TaxTable {
    /// Orders the rates by country, region and category.
    pub(crate) fn new(rates: &[TaxRate]) -> Self {
        let mut table = Self::default();
        for rate in rates {
            let regions = table.countries.entry(rate.country.clone()).or_default();
            let categories = regions.entry(region_key(rate.region.as_deref())).or_default();
            categories.insert(rate.category.clone(), Rate { bp: rate.rate_bp, included: rate.included });
        }
        table
    }

    /// The rates where `address` is; without an address there are none.
    pub(crate) fn at(&self, address: Option<&Address>) -> LocalRates<'_> {
        let regions = address.and_then(|address| self.countries.get(&address.country));
        let region = address.map_or(String::new(), |address| region_key(address.region.as_deref()));
        LocalRates {
            region: regions.filter(|_| !region.is_empty()).and_then(|regions| regions.get(&region)),
            country: regions.and_then(|regions| regions.get("")),
        }
    }
}

/// The name by which a region is found: people write `ca`, `CA` and ` CA `.
pub(crate) fn region_key(region: Option<&str>) -> String {
    region.map_or(String::new(), |region| region.trim().to_lowercase())
}

/// The rates at one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalRates<'t> {
    region: Option<&'t Categories>,
    country: Option<&'t Categories>,
}

impl LocalRates<'_> {
    /// The rate of goods of `category`: the region's, else the country's. A category without a rate is not taxed.
    pub(crate) fn of_goods(self, category: &str) -> Option<Rate> {
        let find = |rates: Option<&Categories>| rates.and_then(|rates| rates.get(category)).copied();
        find(self.region).or_else(|| find(self.country))
    }

    /// The category and rate of shipping: its own, else that of standard goods.
    pub(crate) fn of_shipping(self) -> Option<(&'static str, Rate)> {
        [SHIPPING, STANDARD].into_iter().find_map(|name| Some((name, self.of_goods(name)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(country: &str, region: Option<&str>, category: &str, rate_bp: u32) -> TaxRate {
        let (country, region) = (country.to_owned(), region.map(str::to_owned));
        TaxRate { country, region, category: category.to_owned(), rate_bp, included: false }
    }

    fn place(country: &str, region: Option<&str>) -> Address {
        Address {
            name: "Ada".into(),
            line1: "1 Mill Lane".into(),
            line2: None,
            city: "Lowtown".into(),
            postal_code: None,
            region: region.map(str::to_owned),
            country: country.into(),
            phone: None,
        }
    }

    #[test]
    fn the_most_exact_rate_counts() {
        let table = TaxTable::new(&[
            rate("US", None, "standard", 100),
            rate("US", Some("CA"), "standard", 725),
            rate("US", None, "books", 50),
        ]);
        let bp =
            |region, category| table.at(Some(&place("US", region))).of_goods(category).map(|rate| rate.bp);
        assert_eq!(bp(Some(" ca"), "standard"), Some(725));
        assert_eq!(bp(Some("CA"), "books"), Some(50));
        assert_eq!(bp(Some("NY"), "standard"), Some(100));
        assert_eq!(bp(None, "food"), None);
        assert_eq!(table.at(Some(&place("DE", None))).of_goods("standard"), None);
        assert_eq!(table.at(None).of_goods("standard"), None);
    }

    #[test]
    fn shipping_takes_its_own_rate_or_the_standard_one() {
        let standard = rate("DE", None, "standard", 1900);
        let table = TaxTable::new(std::slice::from_ref(&standard));
        let found = |table: &TaxTable| table.at(Some(&place("DE", None))).of_shipping();
        assert_eq!(found(&table).map(|(name, rate)| (name, rate.bp)), Some(("standard", 1900)));
        let table = TaxTable::new(&[standard, rate("DE", None, "shipping", 700)]);
        assert_eq!(found(&table).map(|(name, rate)| (name, rate.bp)), Some(("shipping", 700)));
    }

    #[test]
    fn tax_is_rounded_half_up_within_and_on_top() {
        let (on_top, within) = (Rate { bp: 1900, included: false }, Rate { bp: 1900, included: true });
        assert_eq!((on_top.of(1999), within.of(1999)), (Ok(380), Ok(319)));
        assert_eq!(Rate { bp: 500, included: false }.of(10), Ok(1), "half a unit is rounded up");
        assert_eq!(Rate { bp: 500, included: false }.of(9), Ok(0));
        assert_eq!(Rate::default().of(1999), Ok(0));
    }
}

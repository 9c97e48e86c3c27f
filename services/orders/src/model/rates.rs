use std::collections::HashSet;

use shoal_contract::orders::{ShippingZone, TaxRate};
use shoal_types::{Fault, Violation};

use super::tax::{TaxTable, region_key};

/// The shop's tax rates and shipping zones, as they were set and ready to be asked.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    pub(crate) tax_rates: Vec<TaxRate>,
    pub(crate) taxes: TaxTable,
    pub(crate) zones: Vec<ShippingZone>,
    pub(crate) versions: Versions,
}

/// How often each was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Versions {
    pub(crate) tax_rates: u64,
    pub(crate) zones: u64,
}

impl Rates {
    /// Makes the tax rates ready to be asked.
    pub(crate) fn new(tax_rates: Vec<TaxRate>, zones: Vec<ShippingZone>, versions: Versions) -> Self {
        Self { taxes: TaxTable::new(&tax_rates), tax_rates, zones, versions }
    }
}

/// Passes tax rates with one for each country, region and category.
///
/// # Errors
/// `Invalid` names each that is there twice.
pub(crate) fn check_tax_rates(rates: &[TaxRate]) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    let mut violations = Vec::new();
    for (index, rate) in rates.iter().enumerate() {
        if !seen.insert((&rate.country, region_key(rate.region.as_deref()), &rate.category)) {
            let message = "another rate has this country, region and category";
            violations.push(violation(format!("tax_rates[{index}]"), "duplicate", message));
        }
    }
    passed(violations)
}

/// Passes zones in which a country, and a method's code and currency, are there once.
///
/// # Errors
/// `Invalid` names each that is there twice, and entries that are neither a country nor `*`.
pub(crate) fn check_shipping_zones(zones: &[ShippingZone]) -> Result<(), Fault> {
    let mut countries = HashSet::new();
    let mut violations = Vec::new();
    for (index, zone) in zones.iter().enumerate() {
        let field = |list: &str, place: usize| format!("shipping_zones[{index}].{list}[{place}]");
        for (place, country) in zone.countries.iter().enumerate() {
            let shaped = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
            if !shaped && country != "*" {
                let message = "expected an ISO 3166-1 code such as DE, or * for everywhere else";
                violations.push(violation(field("countries", place), "country", message));
            } else if !countries.insert(country) {
                let message = "the country is in a zone already";
                violations.push(violation(field("countries", place), "duplicate", message));
            }
        }
        let mut methods = HashSet::new();
        for (place, method) in zone.methods.iter().enumerate() {
            if !methods.insert((&method.code, method.currency)) {
                let message = "another method of the zone has this code and currency";
                violations.push(violation(field("methods", place), "duplicate", message));
            }
        }
    }
    passed(violations)
}

fn violation(field: String, rule: &str, message: &str) -> Violation {
    Violation { field, rule: rule.to_owned(), message: message.to_owned() }
}

fn passed(violations: Vec<Violation>) -> Result<(), Fault> {
    if violations.is_empty() { Ok(()) } else { Err(Fault::Invalid { violations }) }
}

#[cfg(test)]
mod tests {
    use shoal_contract::orders::{ShippingMethod, ShippingRate};
    use shoal_types::{Currency, Fact};

    use super::*;

    fn rate(region: Option<&str>) -> TaxRate {
        TaxRate {
            country: "US".into(),
            region: region.map(str::to_owned),
            category: "standard".into(),
            rate_bp: 100,
            included: false,
        }
    }

    fn zone(countries: &[&str], methods: usize) -> ShippingZone {
        let method = ShippingMethod {
            code: "parcel".into(),
            title: "Parcel".into(),
            currency: Currency::EUR,
            rate: ShippingRate::Flat { amount: 490 },
        };
        let countries = countries.iter().map(|&country| country.to_owned()).collect();
        ShippingZone { zone: "Zone".into(), countries, methods: vec![method; methods] }
    }

    fn fields(result: Result<(), Fault>) -> Vec<String> {
        let violations = result.err().map(|fault| fault.violations().to_vec()).unwrap_or_default();
        violations.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn a_rate_is_set_once() {
        assert_eq!(check_tax_rates(&[rate(None), rate(Some("CA")), rate(Some("NY"))]), Ok(()));
        assert_eq!(fields(check_tax_rates(&[rate(Some("CA")), rate(Some("ca"))])), ["tax_rates[1]"]);
    }

    #[test]
    fn a_country_is_in_one_zone_and_a_method_in_it_once() {
        assert_eq!(check_shipping_zones(&[zone(&["DE"], 1), zone(&["FR", "*"], 1)]), Ok(()));
        let found = fields(check_shipping_zones(&[zone(&["DE", "de"], 2), zone(&["DE"], 0)]));
        let expected = [
            "shipping_zones[0].countries[1]",
            "shipping_zones[0].methods[1]",
            "shipping_zones[1].countries[0]",
        ];
        assert_eq!(found, expected);
    }
}

use shoal_contract::orders::{ShippingMethod, ShippingOption, ShippingRate, ShippingZone};
use shoal_types::{Currency, Money};

/// The zone entry that stands for every country no zone names.
const EVERYWHERE_ELSE: &str = "*";

/// What decides the price of shipping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parcel<'a> {
    /// Where it goes, ISO 3166-1 alpha-2.
    pub(crate) country: &'a str,
    /// What it is priced in.
    pub(crate) currency: Currency,
    /// Weight of what is shipped, grams.
    pub(crate) weight_g: u128,
    /// Value of all lines, minor units.
    pub(crate) subtotal: i64,
}

/// The methods that serve a parcel with their prices, cheapest first.
pub(crate) fn options(zones: &[ShippingZone], parcel: Parcel<'_>) -> Vec<ShippingOption> {
    let methods = zone_of(zones, parcel.country).map_or(&[][..], |zone| &zone.methods);
    let mut options: Vec<_> = methods.iter().filter_map(|method| option(method, parcel)).collect();
    options.sort_by(|a, b| (a.price.amount, &a.code).cmp(&(b.price.amount, &b.code)));
    options
}

/// The price of one method, if it serves the parcel.
pub(crate) fn price(zones: &[ShippingZone], code: &str, parcel: Parcel<'_>) -> Option<Money> {
    let methods = &zone_of(zones, parcel.country)?.methods;
    let named = methods.iter().filter(|method| method.code == code);
    named.filter_map(|method| option(method, parcel)).map(|option| option.price).next()
}

fn zone_of<'z>(zones: &'z [ShippingZone], country: &str) -> Option<&'z ShippingZone> {
    let naming = |name: &str| zones.iter().find(|zone| zone.countries.iter().any(|entry| entry == name));
    naming(country).or_else(|| naming(EVERYWHERE_ELSE))
}

fn option(method: &ShippingMethod, parcel: Parcel<'_>) -> Option<ShippingOption> {
    if method.currency != parcel.currency {
        return None;
    }
    let amount = match &method.rate {
        ShippingRate::Flat { amount } => *amount,
        ShippingRate::ByWeight { bands } => {
            let holds = |up_to: Option<u64>| up_to.is_none_or(|up_to| parcel.weight_g <= u128::from(up_to));
            bands.iter().find(|band| holds(band.up_to_g))?.amount
        }
        ShippingRate::BySubtotal { bands } => {
            bands.iter().rev().find(|band| band.from_amount <= parcel.subtotal)?.amount
        }
    };
    Some(ShippingOption {
        code: method.code.clone(),
        title: method.title.clone(),
        price: Money::new(amount, parcel.currency),
    })
}

#[cfg(test)]
mod tests {
    use shoal_contract::orders::{SubtotalBand, WeightBand};

    use super::*;

    fn method(code: &str, rate: ShippingRate) -> ShippingMethod {
        ShippingMethod { code: code.into(), title: code.into(), currency: Currency::EUR, rate }
    }

    fn zones() -> Vec<ShippingZone> {
        let weight = |up_to_g, amount| WeightBand { up_to_g, amount };
        let value = |from_amount, amount| SubtotalBand { from_amount, amount };
        let zone = |name: &str, countries: &[&str], methods| ShippingZone {
            zone: name.into(),
            countries: countries.iter().map(|&country| country.to_owned()).collect(),
            methods,
        };
        let home = vec![
            method(
                "parcel",
                ShippingRate::ByWeight { bands: vec![weight(Some(1_000), 490), weight(Some(5_000), 690)] },
            ),
            method("free", ShippingRate::BySubtotal { bands: vec![value(2_000, 300), value(5_000, 0)] }),
            method("express", ShippingRate::Flat { amount: 1_500 }),
            ShippingMethod { currency: Currency::USD, ..method("dollars", ShippingRate::Flat { amount: 1 }) },
        ];
        let rest = vec![method("world", ShippingRate::Flat { amount: 4_000 })];
        vec![zone("Home", &["DE", "AT"], home), zone("World", &["*"], rest)]
    }

    fn codes(country: &str, weight_g: u128, subtotal: i64) -> Vec<(String, i64)> {
        let parcel = Parcel { country, currency: Currency::EUR, weight_g, subtotal };
        options(&zones(), parcel).into_iter().map(|option| (option.code, option.price.amount)).collect()
    }

    fn named(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
        expected.iter().map(|&(code, price)| (code.to_owned(), price)).collect()
    }

    #[test]
    fn weight_and_value_choose_the_band() {
        assert_eq!(codes("DE", 1_000, 1_999), named(&[("parcel", 490), ("express", 1_500)]));
        assert_eq!(codes("DE", 1_001, 2_000), named(&[("free", 300), ("parcel", 690), ("express", 1_500)]));
        assert_eq!(codes("AT", 5_001, 5_000), named(&[("free", 0), ("express", 1_500)]));
    }

    #[test]
    fn a_country_of_no_zone_is_everywhere_else() {
        assert_eq!(codes("JP", 1, 1), named(&[("world", 4_000)]));
        let parcel = Parcel { country: "JP", currency: Currency::EUR, weight_g: 1, subtotal: 1 };
        assert_eq!(price(&zones(), "parcel", parcel), None);
        assert_eq!(price(&zones(), "world", parcel), Some(Money::new(4_000, Currency::EUR)));
        assert_eq!(options(&zones()[..1], parcel), []);
    }
}

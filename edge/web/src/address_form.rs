//! The fields of a postal address.

use shoal_contract::Address;
use shoal_contract::orders::{ListRates, ShippingZone};
use shoal_types::Context;

use crate::countries;
use crate::field::Field;
use crate::form::Fields;
use crate::shop::Shop;
use crate::trouble::Trouble;

/// What was typed as an address.
pub(crate) fn read(form: &Fields) -> Address {
    let optional = |name| form.filled(name).map(str::to_owned);
    Address {
        name: form.text("name").to_owned(),
        line1: form.text("line1").to_owned(),
        line2: optional("line2"),
        city: form.text("city").to_owned(),
        postal_code: optional("postal_code"),
        region: optional("region"),
        country: form.text("country").to_owned(),
        phone: optional("phone"),
    }
}

/// The fields, filled with `address`.
pub(crate) fn fields(address: Option<&Address>, choices: Vec<(String, String)>) -> Vec<Field> {
    let of = |part: fn(&Address) -> &str| address.map(part).unwrap_or_default();
    let opt = |part: fn(&Address) -> Option<&String>| {
        address.and_then(part).map(String::as_str).unwrap_or_default()
    };
    let country = match (of(|it| &it.country), choices.as_slice()) {
        ("", [(only, _)]) => only.clone(),
        (country, _) => country.to_owned(),
    };
    vec![
        Field::new("name", "Name", of(|it| &it.name)).autocomplete("name"),
        Field::new("line1", "Street and number", of(|it| &it.line1)).autocomplete("address-line1"),
        Field::new("line2", "Flat, floor, building", opt(|it| it.line2.as_ref()))
            .autocomplete("address-line2")
            .optional(),
        Field::new("postal_code", "Postal code", opt(|it| it.postal_code.as_ref()))
            .autocomplete("postal-code")
            .optional()
            .half(),
        Field::new("city", "Town", of(|it| &it.city)).autocomplete("address-level2").half(),
        Field { choices, ..Field::new("country", "Country", &country).autocomplete("country").half() },
        Field::new("region", "State or county", opt(|it| it.region.as_ref()))
            .autocomplete("address-level1")
            .optional()
            .half(),
        Field::new("phone", "Telephone", opt(|it| it.phone.as_ref()))
            .kind("tel")
            .autocomplete("tel")
            .hint("Only for the carrier.")
            .optional(),
    ]
}

/// The countries the shop delivers to; all if it has no zones, or one for everywhere else.
pub(crate) async fn served(shop: &Shop, cx: &Context) -> Result<Vec<(String, String)>, Trouble> {
    let zones = shop.orders().list_shipping_zones(cx, ListRates {}).await?;
    Ok(countries_of(&zones))
}

fn countries_of(zones: &[ShippingZone]) -> Vec<(String, String)> {
    let mut codes: Vec<&str> = zones
        .iter()
        .flat_map(|zone| &zone.countries)
        .map(String::as_str)
        .filter(|code| *code != "*")
        .collect();
    let everywhere = zones.iter().any(|zone| zone.countries.iter().any(|code| code == "*"));
    if codes.is_empty() || everywhere {
        codes = countries::codes().collect();
    }
    let mut named: Vec<_> =
        codes.into_iter().map(|code| (code.to_owned(), countries::name(code).to_owned())).collect();
    named.sort_by(|a, b| a.1.cmp(&b.1));
    named.dedup();
    named
}

/// The lines of an address as they stand on a parcel.
pub(crate) fn lines(address: &Address) -> Vec<String> {
    let town = [address.postal_code.as_deref(), Some(address.city.as_str())];
    let town: Vec<&str> = town.into_iter().flatten().collect();
    let lines = [
        Some(address.name.clone()),
        Some(address.line1.clone()),
        address.line2.clone(),
        Some(town.join(" ")),
        address.region.clone(),
        Some(countries::name(&address.country).to_owned()),
    ];
    lines.into_iter().flatten().collect()
}

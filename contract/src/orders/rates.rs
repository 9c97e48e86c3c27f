use garde::Validate;
use serde::{Deserialize, Serialize};
use shoal_types::{Currency, Money};
use utoipa::ToSchema;

use crate::products::AMOUNT_MAX;
use crate::rules;

/// The tax on a category of goods in a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct TaxRate {
    /// ISO 3166-1 alpha-2 code.
    #[garde(custom(rules::country))]
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country: String,
    /// State or province; the whole country if absent. The most exact match counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 120), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 120)]
    pub region: Option<String>,
    /// Tax category; `shipping` is the one of shipping, else that of `standard` is taken for it.
    #[garde(custom(rules::slug))]
    #[schema(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", min_length = 1, max_length = 120)]
    pub category: String,
    /// Basis points, 0 to 10,000: 1900 is 19 %.
    #[garde(range(max = 10_000))]
    #[schema(maximum = 10000)]
    pub rate_bp: u32,
    /// Whether prices hold it already.
    pub included: bool,
}

/// Countries that share shipping methods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct ShippingZone {
    /// `Europe`.
    #[garde(length(chars, max = 120), custom(rules::line))]
    #[schema(min_length = 1, max_length = 120)]
    pub zone: String,
    /// ISO 3166-1 alpha-2 codes; `*` for everywhere else.
    #[garde(length(min = 1, max = 300))]
    #[schema(min_items = 1, max_items = 300)]
    pub countries: Vec<String>,
    /// The methods, at most 50.
    #[garde(length(max = 50), dive)]
    #[schema(max_items = 50)]
    pub methods: Vec<ShippingMethod>,
}

/// A way to ship.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct ShippingMethod {
    /// Unique in its zone and currency.
    #[garde(custom(rules::slug))]
    #[schema(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", min_length = 1, max_length = 120)]
    pub code: String,
    /// For people.
    #[garde(length(chars, max = 120), custom(rules::line))]
    #[schema(min_length = 1, max_length = 120)]
    pub title: String,
    /// What it is priced in.
    pub currency: Currency,
    /// What it costs.
    #[garde(custom(shipping_rate))]
    pub rate: ShippingRate,
}

/// What shipping costs, minor units.
// Unknown fields are refused here, since reading by `kind` hides them from the check of the whole body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ShippingRate {
    /// Always the same.
    Flat {
        /// Minor units.
        amount: i64,
    },
    /// By the weight of all lines; the first band that is heavy enough counts. Heavier carts cannot be shipped.
    ByWeight {
        /// Bands, lightest first.
        bands: Vec<WeightBand>,
    },
    /// By the value of all lines; the last band that is reached counts.
    BySubtotal {
        /// Bands, lowest first.
        bands: Vec<SubtotalBand>,
    },
}

/// The price up to a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightBand {
    /// Grams, inclusive; absent for any weight.
    pub up_to_g: Option<u64>,
    /// Minor units.
    pub amount: i64,
}

/// The price from a value on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubtotalBand {
    /// Minor units, inclusive.
    pub from_amount: i64,
    /// Minor units.
    pub amount: i64,
}

fn shipping_rate(rate: &ShippingRate, _: &()) -> garde::Result {
    let price = |amount: i64| (0..=AMOUNT_MAX).contains(&amount);
    let holds = match rate {
        ShippingRate::Flat { amount } => price(*amount),
        ShippingRate::ByWeight { bands } => {
            let weight = |band: &WeightBand| band.up_to_g.unwrap_or(u64::MAX);
            bands.len() <= 100
                && bands.iter().all(|band| price(band.amount))
                && bands.windows(2).all(|pair| weight(&pair[0]) < weight(&pair[1]))
        }
        ShippingRate::BySubtotal { bands } => {
            bands.len() <= 100
                && bands.iter().all(|band| price(band.amount) && price(band.from_amount))
                && bands.windows(2).all(|pair| pair[0].from_amount < pair[1].from_amount)
        }
    };
    if holds {
        Ok(())
    } else {
        Err(garde::Error::new("bands: at most 100, rising, with amounts from 0 to 100000000000"))
    }
}

/// Asks for settings.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ListRates {}

/// Replaces all tax rates.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct SetTaxRates {
    /// At most 2,000; one for each country, region and category.
    #[garde(length(max = 2000), dive)]
    #[schema(max_items = 2000)]
    pub tax_rates: Vec<TaxRate>,
}

/// Replaces all shipping zones.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct SetShippingZones {
    /// At most 100; a country is in one zone.
    #[garde(length(max = 100), dive)]
    #[schema(max_items = 100)]
    pub shipping_zones: Vec<ShippingZone>,
}

/// A shipping method with its price for a cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShippingOption {
    /// To choose it by.
    pub code: String,
    /// For people.
    pub title: String,
    /// What it costs.
    pub price: Money,
}

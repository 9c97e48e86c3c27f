use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rules;

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct Address {
    /// Who receives: a person or a company.
    #[garde(length(chars, max = 200), custom(rules::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// Street and number.
    #[garde(length(chars, max = 200), custom(rules::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub line1: String,
    /// Floor, flat, building.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 200), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 200)]
    pub line2: Option<String>,
    /// Town.
    #[garde(length(chars, max = 120), custom(rules::line))]
    #[schema(min_length = 1, max_length = 120)]
    pub city: String,
    /// Postal code; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 20), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 20)]
    pub postal_code: Option<String>,
    /// State, province or county, where tax or mail needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 120), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 120)]
    pub region: Option<String>,
    /// ISO 3166-1 alpha-2 code, uppercase.
    #[garde(custom(rules::country))]
    #[schema(pattern = "^[A-Z]{2}$", example = "DE")]
    pub country: String,
    /// For the carrier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 40), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 40)]
    pub phone: Option<String>,
}

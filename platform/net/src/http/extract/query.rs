use std::borrow::Cow;

use axum::extract::FromRequestParts;
use garde::Validate;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::json::typed;
use super::validate::validate;
use super::violations::Violations;
use crate::http::Problem;

/// The query string. Unknown and repeated parameters are refused, as are values that do not fit.
///
/// `T` is a flat struct: `#[serde(flatten)]` would read every number as text. Several values of one parameter are
/// written in one, separated by commas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
    S: Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let mut violations = Violations::default();
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        check_pairs(&pairs, &mut violations);
        violations.check()?;

        let mut violations = Violations::default();
        let form = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        let value: Option<T> = typed(form, &mut violations);
        violations.check()?;
        let value = value.ok_or(shoal_types::Fault::Internal {})?;
        validate(&value)?;
        Ok(Self(value))
    }
}

fn check_pairs(pairs: &[(Cow<'_, str>, Cow<'_, str>)], violations: &mut Violations) {
    for (index, (name, value)) in pairs.iter().enumerate() {
        if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
            violations.add(name.to_string(), "repeated", "this parameter may come only once");
        }
        // U+FFFD is what decoding puts in the place of bytes that are no UTF-8.
        if [name, value].iter().any(|text| text.contains(['\0', '\u{fffd}'])) {
            violations.add(
                name.to_string(),
                "utf8",
                "must be percent-encoded UTF-8 without the character NUL",
            );
        }
    }
}

//! What requests carry outside their bodies, beyond what `net` reads.

use axum::extract::FromRequestParts;
use http::header::{HeaderMap, IF_NONE_MATCH};
use http::request::Parts;
use serde::{Deserialize, Deserializer};
use shoal_contract::products::ProductRef;
use shoal_net::http::{IfMatch, Problem};
use shoal_types::Fault;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{IntoParams, PartialSchema};

/// The longest slug, and longer than any SKU.
const NAME_BYTES_MAX: usize = 120;

/// A product in a path: its id, or its slug.
pub(crate) struct ProductKey(pub(crate) ProductRef);

impl<'de> Deserialize<'de> for ProductKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        if let Ok(id) = text.parse() {
            return Ok(Self(ProductRef::Id(id)));
        }
        plain(&text).map(|()| Self(ProductRef::Slug(text.into_owned())))
    }
}

/// A name in a path: a SKU, a payment provider.
pub(crate) struct Name(pub(crate) String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        plain(&text).map(|()| Self(text))
    }
}

/// Passes text that could name something: the services never see control characters or endless names.
fn plain<E: serde::de::Error>(text: &str) -> Result<(), E> {
    let fits = (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(E::custom("names nothing")) }
}

/// The version a change expects, from `If-Match`.
pub(crate) struct Expected(pub(crate) Option<u64>);

impl<S: Sync> FromRequestParts<S> for Expected {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        use axum::extract::OptionalFromRequestParts;
        let version = <IfMatch as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(Self(version.map(|IfMatch(version)| version)))
    }
}

impl IntoParams for Expected {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let tag = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r#"^"v[1-9][0-9]{0,8}"$"#));
        let about = "The `ETag` that was read: change only if it still is that version";
        let header = described("If-Match", ParameterIn::Header, about).schema(Some(tag));
        vec![header.example(Some("\"v1\"".into())).build()]
    }
}

/// The `If-None-Match` headers alone, so that the rest need not be copied.
pub(crate) struct Known(pub(crate) HeaderMap);

impl<S: Sync> FromRequestParts<S> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut known = HeaderMap::new();
        for value in parts.headers.get_all(IF_NONE_MATCH) {
            known.append(IF_NONE_MATCH, value.clone());
        }
        Ok(Self(known))
    }
}

impl IntoParams for Known {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![text_header(
            "If-None-Match",
            "The `ETag` that is known: answers 304 if it still is that version",
        )]
    }
}

/// Describes an optional header.
pub(crate) fn text_header(name: &str, about: &str) -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String);
    described(name, ParameterIn::Header, about).schema(Some(text)).build()
}

/// Describes a query parameter that may come many times.
pub(crate) fn repeated_query(name: &str, about: &str, items_min: usize, items_max: usize) -> Parameter {
    let values = utoipa::openapi::schema::ArrayBuilder::new()
        .items(String::schema())
        .min_items(Some(items_min))
        .max_items(Some(items_max));
    let required =
        if items_min > 0 { utoipa::openapi::Required::True } else { utoipa::openapi::Required::False };
    described(name, ParameterIn::Query, about).schema(Some(values)).required(required).build()
}

fn described(name: &str, place: ParameterIn, about: &str) -> ParameterBuilder {
    ParameterBuilder::new().name(name).parameter_in(place).description(Some(about))
}

/// Takes every value of `name` out of the query string and leaves the other parameters there.
///
/// # Errors
/// `Invalid` for more than `values_max`, and for values that are no text.
pub(crate) fn take_repeated(parts: &mut Parts, name: &str, values_max: usize) -> Result<Vec<String>, Fault> {
    let mut values = Vec::new();
    let mut rest = form_urlencoded::Serializer::new(String::new());
    for (key, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
        if key == name {
            values.push(value.into_owned());
        } else {
            rest.append_pair(&key, &value);
        }
    }
    if values.len() > values_max {
        return Err(Fault::invalid(name, "too_long", format!("may come at most {values_max} times")));
    }
    // U+FFFD is what decoding puts in the place of bytes that are no UTF-8.
    if values.iter().any(|value| value.contains(['\0', '\u{fffd}'])) {
        return Err(Fault::invalid(name, "utf8", "must be percent-encoded UTF-8 without the character NUL"));
    }
    let path_and_query = format!("{}?{}", parts.uri.path(), rest.finish());
    parts.uri = path_and_query.parse().map_err(|_| Fault::Internal {})?;
    Ok(values)
}

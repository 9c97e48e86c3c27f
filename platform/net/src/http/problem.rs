use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use shoal_types::{ErrorPage, Fact, Fault, Kind, Violation};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, Schema, SchemaFormat, Type,
};
use utoipa::openapi::{Ref, RefOr};

use super::HttpError;

/// The members every problem may have; a fact's own fields must not overwrite them.
const RESERVED: [&str; 8] =
    ["type", "title", "status", "code", "detail", "instance", "request_id", "violations"];

/// Seconds to wait after a refusal that does not know better.
const RETRY_AFTER_S: u64 = 1;

/// An error as clients see it: `application/problem+json` with a stable `code`.
///
/// Made from any error enum of Shoal with `?` or `into()`. A field of the error's variant becomes a member of the
/// same name; one that is named as a standard member becomes `data_<name>`. The middleware adds the request id.
///
/// Source: RFC 9457.
#[derive(Debug, Clone)]
pub struct Problem(Box<Fields>);

#[derive(Debug, Clone)]
struct Fields {
    status: StatusCode,
    code: &'static str,
    detail: String,
    violations: Vec<Violation>,
    data: Map<String, Value>,
    request_id: Option<Box<str>>,
}

impl Problem {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable code, the name of a page in `docs/errors`.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The sentence for people.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The problem that takes the place of a library's own words for an error.
    ///
    /// `None` if the response says what it means in JSON, or carries something else a handler chose.
    pub(super) fn instead_of(response: &Response, body_max: usize) -> Option<Self> {
        let content_type = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        if content_type.is_some_and(|value| !value.starts_with(b"text/plain")) {
            return None;
        }
        Some(match response.status() {
            StatusCode::NOT_FOUND => HttpError::NotFound {}.into(),
            StatusCode::METHOD_NOT_ALLOWED => HttpError::MethodNotAllowed {}.into(),
            StatusCode::PAYLOAD_TOO_LARGE => HttpError::BodyTooLarge { max_bytes: body_max as u64 }.into(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => HttpError::UnsupportedMediaType {}.into(),
            StatusCode::UNAUTHORIZED => Fault::Unauthenticated {}.into(),
            StatusCode::FORBIDDEN => Fault::Forbidden {}.into(),
            status if status.is_client_error() => HttpError::MalformedRequest {}.into(),
            _ => Fault::Internal {}.into(),
        })
    }

    pub(super) fn with_request_id(mut self, request_id: &str) -> Self {
        self.0.request_id = Some(request_id.into());
        self
    }

    fn retry_after(&self) -> Option<HeaderValue> {
        let told = self.0.data.get("retry_after_s").and_then(Value::as_u64);
        let waits = matches!(self.0.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        waits.then(|| HeaderValue::from(told.unwrap_or(RETRY_AFTER_S)))
    }
}

impl<E: Fact + Serialize> From<E> for Problem {
    fn from(error: E) -> Self {
        let code = error.code();
        Self(Box::new(Fields {
            status: status(error.kind(), code),
            code,
            detail: error.to_string(),
            violations: error.violations().to_vec(),
            data: data(&error),
            request_id: None,
        }))
    }
}

/// The status of a declared error, as its problem has it.
pub fn status_of(page: &ErrorPage) -> StatusCode {
    status(page.kind, page.code)
}

/// The one place that turns a kind into a status. The codes listed first exist in HTTP only.
fn status(kind: Kind, code: &str) -> StatusCode {
    match (code, kind) {
        ("body_too_large", _) => StatusCode::PAYLOAD_TOO_LARGE,
        ("unsupported_media_type", _) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ("method_not_allowed", _) => StatusCode::METHOD_NOT_ALLOWED,
        ("uri_too_long", _) => StatusCode::URI_TOO_LONG,
        ("if_match_missing", _) => StatusCode::PRECONDITION_REQUIRED,
        (_, Kind::Malformed) => StatusCode::BAD_REQUEST,
        (_, Kind::Invalid) => StatusCode::UNPROCESSABLE_ENTITY,
        (_, Kind::Unauthenticated) => StatusCode::UNAUTHORIZED,
        (_, Kind::Forbidden) => StatusCode::FORBIDDEN,
        (_, Kind::NotFound) => StatusCode::NOT_FOUND,
        (_, Kind::Conflict) => StatusCode::CONFLICT,
        (_, Kind::Stale) => StatusCode::PRECONDITION_FAILED,
        (_, Kind::PaymentRefused) => StatusCode::PAYMENT_REQUIRED,
        (_, Kind::Limited) => StatusCode::TOO_MANY_REQUESTS,
        (_, Kind::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
        (_, Kind::Timeout) => StatusCode::GATEWAY_TIMEOUT,
        (_, Kind::Full) => StatusCode::INSUFFICIENT_STORAGE,
        (_, Kind::Internal) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The fields of the error's variant. Error enums serialise as `{"Variant":{..}}`, other enums within them as
/// `{"Fault":{"Variant":{..}}}`; a field's name never begins with a capital letter.
fn data(error: &impl Serialize) -> Map<String, Value> {
    let mut value = serde_json::to_value(error).unwrap_or_default();
    loop {
        let Value::Object(mut members) = value else { return Map::new() };
        let variant = members.keys().find(|name| name.starts_with(|c: char| c.is_ascii_uppercase())).cloned();
        match variant.and_then(|name| members.remove(&name)) {
            Some(inner) => value = inner,
            None => return members.into_iter().filter_map(member).collect(),
        }
    }
}

fn member((name, value): (String, Value)) -> Option<(String, Value)> {
    match name.as_str() {
        "violations" => None,
        reserved if RESERVED.contains(&reserved) => Some((format!("data_{name}"), value)),
        _ => Some((name, value)),
    }
}

/// `stock_too_low` -> `Stock too low`.
fn title(code: &str) -> String {
    let mut title = code.replace('_', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = &*self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format_args!("/errors/{}", fields.code))?;
        map.serialize_entry("title", &title(fields.code))?;
        map.serialize_entry("status", &fields.status.as_u16())?;
        map.serialize_entry("code", fields.code)?;
        map.serialize_entry("detail", &fields.detail)?;
        if let Some(request_id) = &fields.request_id {
            map.serialize_entry("request_id", request_id)?;
        }
        if !fields.violations.is_empty() {
            map.serialize_entry("violations", &fields.violations)?;
        }
        for (name, value) in &fields.data {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Bytes::from(serde_json::to_vec(&self).unwrap_or_default());
        let mut response = (self.0.status, axum::body::Body::from(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, seconds);
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // The middleware finds the problem here to write it again with the request id.
        response.extensions_mut().insert(self);
        response
    }
}

impl utoipa::PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        let text = |about: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(about));
        let violations = ArrayBuilder::new().items(Ref::from_schema_name("Violation"));
        ObjectBuilder::new()
            .description(Some("RFC 9457 problem, with the data of the error as further members"))
            .property(
                "type",
                text("Link to the page of the code")
                    .format(Some(SchemaFormat::Custom("uri-reference".into()))),
            )
            .property("title", text("The code in words"))
            .property(
                "status",
                ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(400)).maximum(Some(599)),
            )
            .property("code", text("Stable word for programs"))
            .property("detail", text("Sentence for people"))
            .property("request_id", text("Id of the request, as in the x-request-id header"))
            .property("violations", violations)
            .required("type")
            .required("title")
            .required("status")
            .required("code")
            .required("detail")
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .into()
    }
}

impl utoipa::ToSchema for Problem {
    fn name() -> Cow<'static, str> {
        "Problem".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        use utoipa::PartialSchema;
        schemas.push(("Violation".into(), Violation::schema()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    shoal_types::errors! {
        /// For the test.
        pub enum Error {
            /// Too little.
            StockTooLow { sku: String, status: String } => (Conflict, "stock_too_low", "too little of {sku}"),
        }
    }

    #[test]
    fn a_fact_becomes_members_and_never_overwrites_the_standard_ones() {
        let problem = Problem::from(Error::StockTooLow { sku: "MUG".into(), status: "sold".into() });
        assert_eq!(
            serde_json::to_value(problem.with_request_id("r1")).expect("serialises"),
            serde_json::json!({
                "type": "/errors/stock_too_low", "title": "Stock too low", "status": 409, "code": "stock_too_low",
                "detail": "too little of MUG", "request_id": "r1", "sku": "MUG", "data_status": "sold",
            })
        );
    }

    shoal_types::errors! {
        /// For the test.
        pub enum Outer {
            /// Not said.
            Other {} => (Internal, "other", "other"),
        }
        includes {
            /// What the inner one says.
            Inner(Error),
        }
    }

    #[test]
    fn an_included_error_is_unwrapped() {
        let problem =
            Problem::from(Outer::Inner(Error::StockTooLow { sku: "MUG".into(), status: "sold".into() }));
        assert_eq!((problem.code(), problem.0.data.get("sku")), ("stock_too_low", Some(&"MUG".into())));
        assert!(Problem::from(Outer::Other {}).0.data.is_empty());
    }

    #[test]
    fn a_fault_within_is_unwrapped() {
        let problem = Problem::from(Error::Fault(Fault::Unavailable { what: "orders".into() }));
        assert_eq!((problem.status().as_u16(), problem.0.data.get("what")), (503, Some(&"orders".into())));
    }
}

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, HeaderMap, LOCATION, VARY};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use shoal_net::http::Json;
use shoal_types::Currency;
use utoipa::ToSchema;

use crate::gateway::Gateway;

/// What this is.
#[derive(Serialize, ToSchema)]
pub(crate) struct About {
    /// `shoal`.
    name: &'static str,
    /// The version of the node that answered.
    version: &'static str,
    /// The shop's currency.
    currency: Currency,
    /// The API description.
    openapi: &'static str,
    /// The API description for people.
    docs: &'static str,
}

/// Says what this is; shows browsers the documentation.
#[utoipa::path(get, path = "/", tag = "node",
    responses(
        (status = 200, description = "What this is", body = About),
        (status = 303, description = "The documentation, for browsers"),
    ))]
pub(crate) async fn get_home(State(gateway): State<Gateway>, headers: HeaderMap) -> Response {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let vary = (VARY, HeaderValue::from_static("accept"));
    if gateway.options.docs && accepted.contains("text/html") {
        let docs = (LOCATION, HeaderValue::from_static("/docs"));
        return (StatusCode::SEE_OTHER, [vary, docs]).into_response();
    }
    let about = About {
        name: "shoal",
        version: env!("CARGO_PKG_VERSION"),
        currency: gateway.options.currency,
        openapi: "/openapi.json",
        docs: "/docs",
    };
    ([vary], Json(about)).into_response()
}

/// Browsers ask for an icon by themselves; there is none.
pub(crate) async fn no_icon() -> StatusCode {
    StatusCode::NO_CONTENT
}

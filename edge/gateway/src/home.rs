use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{LOCATION, VARY};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use shoal_net::http::{Json, wants_page};
use shoal_types::Currency;
use tower::ServiceExt;
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

/// Says what this is; shows browsers the shop, or the documentation where there are no pages.
#[utoipa::path(get, path = "/", tag = "node",
    responses(
        (status = 200, description = "What this is", body = About),
        (status = 303, description = "The documentation, for browsers where there is no shop to see"),
    ))]
pub(crate) async fn get_home(State(gateway): State<Gateway>, request: Request) -> Response {
    let vary = (VARY, HeaderValue::from_static("accept"));
    let wants_page = wants_page(request.method(), request.headers());
    if let (true, Some(pages)) = (wants_page, &gateway.options.pages) {
        return ([vary], pages.front.clone().oneshot(request).await).into_response();
    }
    if gateway.options.docs && wants_page {
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

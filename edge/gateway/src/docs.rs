//! The API description, and a page that shows it without any other server.

use std::sync::LazyLock;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::HeaderValue;
use http::header::CONTENT_SECURITY_POLICY;
use shoal_net::http::Entity;

use crate::gateway::Gateway;
use crate::openapi::openapi;
use crate::parameters::Known;

/// Our pages run our own scripts and styles, talk to this node only, and are framed by nobody.
pub(crate) const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

static DESCRIPTION: LazyLock<Entity> =
    LazyLock::new(|| Entity::bytes("application/json", serde_json::to_vec(&openapi()).unwrap_or_default()));
static PAGE: LazyLock<Entity> =
    LazyLock::new(|| Entity::bytes("text/html; charset=utf-8", include_str!("docs/page.html")));
static SCRIPT: LazyLock<Entity> =
    LazyLock::new(|| Entity::bytes("text/javascript; charset=utf-8", include_str!("docs/page.js")));
static STYLE: LazyLock<Entity> =
    LazyLock::new(|| Entity::bytes("text/css; charset=utf-8", include_str!("docs/page.css")));

/// `/openapi.json`, `/docs` and what the page needs.
pub(crate) fn router() -> Router<Gateway> {
    Router::new()
        .route("/openapi.json", get(async |Known(known): Known| DESCRIPTION.answer(&known)))
        .route("/docs", get(async |Known(known): Known| page(PAGE.answer(&known))))
        .route("/docs/page.js", get(async |Known(known): Known| SCRIPT.answer(&known)))
        .route("/docs/page.css", get(async |Known(known): Known| STYLE.answer(&known)))
}

fn page(response: Response) -> Response {
    ([(CONTENT_SECURITY_POLICY, PAGE_POLICY)], response).into_response()
}

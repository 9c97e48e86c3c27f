use axum::extract::FromRequestParts;
use http::request::Parts;
use shoal_types::{Context, Fault};

use crate::http::Problem;

/// The request's [`Context`], as the middleware made it and [`authenticate`](crate::http::authenticate) completed it.
#[derive(Debug, Clone)]
pub struct Cx(pub Context);

impl<S: Sync> FromRequestParts<S> for Cx {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let context = parts.extensions.get::<Context>().cloned();
        context.map(Self).ok_or_else(|| {
            tracing::error!("a route is served without the middleware that makes its context");
            Fault::Internal {}.into()
        })
    }
}

//! How results are written.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::{ETAG, LOCATION};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use shoal_contract::notifications::{WebhookEndpoint, WebhookEndpointSecret};
use shoal_contract::orders::{Cart, Order};
use shoal_contract::products::Product;
use shoal_contract::users::User;
use shoal_net::http::{Entity, Json, Problem, etag};
use shoal_types::Fault;

use crate::parameters::Known;

/// A resource whose version is its `ETag`.
pub(crate) trait Versioned: Serialize {
    fn version(&self) -> u64;
}

impl Versioned for User {
    fn version(&self) -> u64 {
        self.version
    }
}

impl Versioned for Cart {
    fn version(&self) -> u64 {
        self.version
    }
}

impl Versioned for Order {
    fn version(&self) -> u64 {
        self.version
    }
}

impl Versioned for Arc<Product> {
    fn version(&self) -> u64 {
        self.version
    }
}

impl Versioned for WebhookEndpoint {
    fn version(&self) -> u64 {
        self.version
    }
}

impl Versioned for WebhookEndpointSecret {
    fn version(&self) -> u64 {
        self.endpoint.version
    }
}

/// What was read: 200 with its `ETag`, or 304 if the client knows it.
pub(crate) fn read(known: &Known, resource: &impl Versioned) -> Result<Response, Problem> {
    Ok(entity(resource)?.answer(&known.0))
}

/// The resource as it is sent.
pub(crate) fn entity(resource: &impl Versioned) -> Result<Entity, Problem> {
    let body = serde_json::to_vec(resource).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written as JSON");
        Fault::Internal {}
    })?;
    Ok(Entity::json(resource.version(), body))
}

/// What a change made of the resource, with its new `ETag`.
pub(crate) fn written(resource: &impl Versioned) -> Response {
    let mut response = Json(resource).into_response();
    response.headers_mut().insert(ETAG, etag(resource.version()));
    response
}

/// Says that `response` shows something new, and where it is from now on.
pub(crate) fn created(location: &str, response: Response) -> Response {
    located(StatusCode::CREATED, location, response)
}

/// Sets the status and the `Location`.
pub(crate) fn located(status: StatusCode, location: &str, mut response: Response) -> Response {
    *response.status_mut() = status;
    // Locations are made of our own routes and ids.
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

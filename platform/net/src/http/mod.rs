//! HTTP around the handlers: see [`Stack`] for what every request passes through and [`Server`] for its life.

mod admission;
mod config;
mod connection;
mod entity;
mod error;
mod exchange;
mod extract;
mod health;
mod log;
mod metrics;
mod problem;
mod rate_limit;
mod routes;
mod security;
mod server;
mod stack;
mod trace;

pub use config::{Access, HttpConfig, Origin, QuotaConfig, RateLimitConfig};
pub use entity::{Entity, etag};
pub use error::HttpError;
pub use exchange::{Peer, authenticate};
pub use extract::{Cx, IdempotencyKey, Idempotent, IfMatch, Json, Path, Query, fingerprint};
pub use health::Health;
pub use metrics::Metrics;
pub use problem::{Problem, status_of};
pub use rate_limit::{Class, Key, RateLimiter};
pub use server::Server;
pub use stack::{RouteRule, Stack, wants_page};

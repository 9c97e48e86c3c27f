//! The public API: REST over the services, wherever they run.
//!
//! The gateway finds out who calls, reads requests strictly, asks the services through their contracts and writes
//! their answers. It owns no data and no rules: those are the houses'. See the README for the route table.

mod answer;
mod auth;
mod carts;
mod categories;
mod change;
mod checkouts;
mod closed;
mod cluster;
mod docs;
mod error;
mod error_pages;
mod gateway;
mod home;
mod mails;
mod media;
mod openapi;
mod orders;
mod overview;
mod parameters;
mod password_resets;
mod products;
mod routes;
mod sales;
mod sessions;
mod settings;
mod stock;
mod users;
mod webhooks;

pub use gateway::{Options, Pages, Services};
pub use media::{EmbeddedMedia, Media, MediaFolder};
pub use openapi::openapi;
pub use routes::router;

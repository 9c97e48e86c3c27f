//! PostgreSQL, and what speaks its protocol: a schema for each house.
//!
//! One thread a house owns its connections and runs the bodies, whose futures need not move between threads. `reading`
//! runs reads, `alone` transactions of their own, `group` those that share one; `commit` sees to commits whose answer
//! was lost.

mod admin;
mod alone;
mod call;
mod catalogue;
mod commit;
mod connect;
mod core;
mod failure;
mod group;
mod host;
mod link;
mod losses;
mod mark;
mod member;
mod migrate;
mod outage;
mod pool;
mod pulse;
mod queue;
mod readers;
mod reading;
mod refusal;
mod rest;
mod round;
mod seen;
mod server;
mod session;
mod thread;
mod tls;
mod transfer;
mod value;

pub(crate) use admin::Admin;
pub(crate) use call::Call;
pub(crate) use member::{Reads, Writes};
pub use migrate::OWN_TABLES;
pub use server::Server;
pub(crate) use session::Session;
pub(crate) use thread::Postgres;
pub(crate) use transfer::Schemas;

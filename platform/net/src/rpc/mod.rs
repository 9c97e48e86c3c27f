//! Calls between nodes: many at a time over one connection, each with its deadline, caller and trace.
//!
//! [`Client`] implements [`Call`](shoal_types::wire::Call) over the nodes that a directory ([`Peers`]) names;
//! [`Server`] answers for a set of [`Dispatch`](shoal_types::wire::Dispatch). The bytes between them are described at
//! `Frame`. The transport is any stream ([`Io`]): [`Tls`](crate::identity::Tls) between machines; over plain TCP both
//! ends refuse addresses that other machines can reach.

mod admission;
mod balance;
mod breaker;
mod budget;
mod candidate;
mod client;
mod connection;
mod door;
mod frame;
mod hush;
mod link;
mod lobby;
mod peer;
mod pool;
mod pulse;
mod server;
mod service;
mod stats;
mod target;
mod transport;
mod window;

pub use admission::Services;
pub use breaker::BreakerState;
pub use client::Client;
pub use door::Door;
pub use link::reach;
pub use server::{Server, serve};
pub use stats::TargetStats;
pub use target::{Peers, Target};
pub use transport::{Accept, Connect, Io};

//! Calls between nodes: many at a time over one connection, each with its deadline, caller and trace.
//!
//! [`Client`] implements [`Call`](shoal_types::wire::Call) over a fixed list of nodes; [`Server`] answers for a set
//! of [`Dispatch`](shoal_types::wire::Dispatch). The bytes between them are described at `Frame`.
//! The transport is any stream ([`Io`]); over plain TCP both ends refuse addresses that other machines can reach.

mod client;
mod connection;
mod frame;
mod link;
mod peer;
mod server;
mod transport;

pub use client::Client;
pub use server::{Server, Services, serve};
pub use transport::{Connect, Io};

//! Requests to addresses that others chose: a webhook's receiver.
//!
//! Nothing within the own network can be reached by them. A [`Destination`] is a URL that was read strictly, a [`Guard`]
//! says which addresses may be connected to, and the [`Client`] resolves a name once, asks the guard, and connects to the
//! very address that passed: a name that resolves to something else a moment later changes nothing. It follows no redirect,
//! uses no proxy and keeps no connection.

mod client;
mod destination;
mod failure;
mod guard;
mod network;
mod resolve;
mod roots;

pub use client::{Answer, Client, ClientOptions, Post};
pub use destination::{Destination, Unfit};
pub use failure::Failure;
pub use guard::{Guard, Range};
pub use network::Network;
pub use resolve::{Resolve, SystemResolver};

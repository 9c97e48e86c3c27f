//! How Shoal talks: HTTP to clients and calls between nodes, with no business words.
//!
//! [`http`] holds what a public API needs around its handlers: problem+json, extractors that refuse what they do
//! not know, one middleware for ids, limits, logs and metrics, and a server that drains. [`rpc`] carries
//! [`shoal_types::wire`] calls between nodes. [`identity`] is who a node is to the others. [`outgoing`] sends requests to
//! addresses that others chose, and to none within the own network.

mod address;
pub mod http;
pub mod identity;
mod load;
pub mod outgoing;
pub mod rpc;
pub mod units;

pub use address::AddressError;

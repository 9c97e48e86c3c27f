//! What clients and other nodes see of `shoal-net`.

mod api;
mod limits;
mod refusals;
mod rpc;
mod server;

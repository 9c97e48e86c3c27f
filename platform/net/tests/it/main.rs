//! What clients and other nodes see of `shoal-net`.

mod api;
mod limits;
mod log;
mod refusals;
mod rpc;
mod server;

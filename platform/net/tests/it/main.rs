//! What clients and other nodes see of `shoal-net`.

mod api;
mod bundle;
mod cluster;
mod garbage;
mod handshake;
mod limits;
mod log;
mod refusals;
mod roles;
mod rotation;
mod rpc;
mod server;

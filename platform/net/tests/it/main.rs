//! What clients and other nodes see of `shoal-net`.

mod api;
mod balance;
mod bundle;
mod cluster;
mod crowd;
mod drain;
mod fleet;
mod garbage;
mod handshake;
mod limits;
mod log;
mod outgoing;
mod overload;
mod refusals;
mod restarts;
mod roles;
mod rotation;
mod rpc;
mod server;

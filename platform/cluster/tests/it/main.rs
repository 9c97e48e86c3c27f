//! The promises of membership, over real UDP on loopback and over a network that falls apart.

mod intruders;
mod keys;
mod life;
mod nodes;
mod partition;
mod process;
mod scale;

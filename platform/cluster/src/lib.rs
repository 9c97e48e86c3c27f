//! Who is there: membership by gossip, and a directory of which node plays which role.
//!
//! Every node tells a few others, five times a second, which nodes it knows and how fresh its knowledge is; they
//! exchange what one knows better. There is no leader and no list to keep. What comes of it is a hint: a call may
//! still fail at a node that the directory names, and correctness never depends on it.
//!
//! Start at [`Cluster::join`]; readers hold a [`Directory`].

mod cluster;
mod counts;
mod directory;
mod error;
mod gossip;
mod link;
mod member;
mod message;
mod options;
mod seal;
mod seeds;
mod table;

pub use cluster::Cluster;
pub use counts::{Counts, Refused};
pub use directory::Directory;
pub use error::ClusterError;
pub use link::{Link, MemoryLink, MemoryNetwork, Udp};
pub use member::{Fingerprint, Load, Member, State};
pub use options::{Options, Pace};
pub use seal::{GossipKey, KeyRing};

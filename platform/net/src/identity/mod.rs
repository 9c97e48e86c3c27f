//! Who a node is to the others: the cluster's secret, the certificate a node mints for itself from it, and the
//! encrypted connections made with that.
//!
//! A [`Bundle`] is the secret, a file made once. An [`Identity`] is a node's own: a short-lived certificate that names
//! its cluster, its [`NodeId`](shoal_types::NodeId) and its roles, renewed in time and replaced without closing a
//! connection. [`Tls`] connects and accepts with it.

mod authority;
mod bundle;
mod error;
mod file;
mod handshake;
mod leaf;
mod name;
mod rotation;
mod tls;
mod trust;

pub use bundle::{Bundle, ClusterId};
pub use error::IdentityError;
pub use handshake::HandshakeError;
pub use leaf::Identity;
pub use rotation::Rotation;
pub use tls::Tls;

pub(crate) use handshake::explain;

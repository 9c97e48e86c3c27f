use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::address::{self, AddressError};

/// Where a node is going to answer others: they may knock from now on, and wait until a [`Server`](super::Server) runs
/// behind it.
///
/// So a node knows its port, and can tell it, before it is ready to answer.
pub struct Door {
    pub(super) listener: TcpListener,
    pub(super) address: SocketAddr,
}

impl Door {
    /// Listens on `address`, which other machines may reach.
    ///
    /// # Errors
    /// [`AddressError`] says what is wrong with the address.
    pub async fn open(address: &str) -> Result<Self, AddressError> {
        let (listener, address) = address::listen(address::parse(address)?).await?;
        Ok(Self { listener, address })
    }

    /// The address listened on, with the port the system chose if it was asked for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

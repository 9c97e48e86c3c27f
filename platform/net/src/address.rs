use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

shoal_types::errors! {
    /// Why an address cannot be used.
    pub enum AddressError {
        /// The address cannot be read. Write an IP address and a port: `127.0.0.1:8080`, `[::1]:8080`,
        /// `0.0.0.0:8080`. To listen on port 0 takes any free port.
        Invalid { address: String } => (Invalid, "address_invalid",
            "cannot use the address {address}: expected an IP address and a port such as 127.0.0.1:8080"),
        /// Another program listens on this address. Stop it or choose another port.
        InUse { address: String } => (Conflict, "address_in_use",
            "cannot listen on {address}: another program uses this port"),
        /// The operating system does not let Shoal listen here: ports below 1024 need a privilege. Choose a
        /// higher port.
        Denied { address: String } => (Forbidden, "address_denied",
            "cannot listen on {address}: permission denied"),
        /// The address does not belong to this machine. Use one of its addresses, or `0.0.0.0` for all of them.
        NotHere { address: String } => (Invalid, "address_not_here",
            "cannot listen on {address}: this machine has no such address"),
        /// Without a cluster's certificates calls are not encrypted, so both ends must be on this machine: use loopback
        /// addresses (`127.0.0.1`, `::1`), or let the nodes join a cluster.
        NotLoopback { address: String } => (Invalid, "address_not_loopback",
            "cannot use {address} between nodes: calls are not encrypted and must stay on this machine"),
        /// The operating system refused for another reason, named in the message.
        Refused { address: String, reason: String } => (Internal, "address_refused",
            "cannot listen on {address}: {reason}"),
    }
}

/// Listens on `address`; also tells the port if the system chose it.
pub(crate) async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), AddressError> {
    let listening = async {
        let listener = TcpListener::bind(address).await?;
        let local = listener.local_addr()?;
        Ok((listener, local))
    };
    listening.await.map_err(|error| refused(address.to_string(), &error))
}

/// Reads an IP address and a port.
pub(crate) fn parse(address: &str) -> Result<SocketAddr, AddressError> {
    address.parse().map_err(|_| AddressError::Invalid { address: address.to_owned() })
}

/// Reads an address of this machine that no other machine can reach.
pub(crate) fn parse_loopback(address: &str) -> Result<SocketAddr, AddressError> {
    let parsed = parse(address)?;
    let loopback = parsed.ip().to_canonical().is_loopback();
    if loopback { Ok(parsed) } else { Err(AddressError::NotLoopback { address: address.to_owned() }) }
}

fn refused(address: String, error: &io::Error) -> AddressError {
    match error.kind() {
        io::ErrorKind::AddrInUse => AddressError::InUse { address },
        io::ErrorKind::PermissionDenied => AddressError::Denied { address },
        io::ErrorKind::AddrNotAvailable => AddressError::NotHere { address },
        _ => AddressError::Refused { address, reason: error.to_string() },
    }
}

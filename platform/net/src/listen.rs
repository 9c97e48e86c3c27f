use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

shoal_types::errors! {
    /// Why a listener cannot start.
    pub enum ListenError {
        /// The address to listen on cannot be read. Write an IP address and a port: `127.0.0.1:8080`, `[::1]:8080`,
        /// `0.0.0.0:8080`. Port 0 takes any free port.
        AddressInvalid { address: String } => (Invalid, "listen_address_invalid",
            "cannot listen on {address}: expected an IP address and a port such as 127.0.0.1:8080"),
        /// Another program listens on this address. Stop it or choose another port.
        AddressInUse { address: String } => (Conflict, "listen_address_in_use",
            "cannot listen on {address}: another program uses this port"),
        /// The operating system does not let Shoal listen here: ports below 1024 need a privilege. Choose a
        /// higher port.
        AddressDenied { address: String } => (Forbidden, "listen_address_denied",
            "cannot listen on {address}: permission denied"),
        /// The address does not belong to this machine. Use one of its addresses, or `0.0.0.0` for all of them.
        AddressUnknown { address: String } => (Invalid, "listen_address_unknown",
            "cannot listen on {address}: this machine has no such address"),
        /// Nodes talk to each other without encryption for now, so their addresses must be loopback addresses
        /// (`127.0.0.1`, `::1`).
        NotLoopback { address: String } => (Invalid, "peer_address_not_loopback",
            "{address} is no loopback address: calls between nodes are not encrypted and stay on this machine"),
        /// The operating system refused for another reason, named in the message.
        ListenFailed { address: String, reason: String } => (Internal, "listen_failed",
            "cannot listen on {address}: {reason}"),
    }
}

/// Listens on `address`, an IP address and a port.
pub(crate) async fn listen(address: &str) -> Result<TcpListener, ListenError> {
    let parsed = parse(address)?;
    TcpListener::bind(parsed).await.map_err(|error| refused(address.to_owned(), &error))
}

/// Reads an IP address and a port.
pub(crate) fn parse(address: &str) -> Result<SocketAddr, ListenError> {
    address.parse().map_err(|_| ListenError::AddressInvalid { address: address.to_owned() })
}

fn refused(address: String, error: &io::Error) -> ListenError {
    match error.kind() {
        io::ErrorKind::AddrInUse => ListenError::AddressInUse { address },
        io::ErrorKind::PermissionDenied => ListenError::AddressDenied { address },
        io::ErrorKind::AddrNotAvailable => ListenError::AddressUnknown { address },
        _ => ListenError::ListenFailed { address, reason: error.to_string() },
    }
}

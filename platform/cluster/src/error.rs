use std::io;
use std::net::SocketAddr;

shoal_types::errors! {
    /// Why a node cannot take part in the gossip.
    pub enum ClusterError {
        /// Another program, perhaps another node, uses this UDP port. Stop it or choose another port with
        /// `--peer-listen`.
        InUse { address: String } => (Conflict, "gossip_address_in_use",
            "cannot gossip on {address}: another program uses this UDP port"),
        /// The operating system does not let Shoal use this UDP address; the message has its reason. The address
        /// must be one of this machine, and ports below 1024 need a privilege.
        Refused { address: String, reason: String } => (Invalid, "gossip_address_refused",
            "cannot gossip on {address}: {reason}"),
        /// The node listens on all addresses of its machine and was not told under which of them the others reach
        /// it. Name that address.
        NoAddress { address: String } => (Invalid, "gossip_address_unknown",
            "listening on {address} for gossip, but no address is known that other nodes could reach"),
        /// What the node tells about itself does not fit into one packet: its name, version and roles are too long.
        TooLarge { bytes: u64, limit: u64 } => (Invalid, "member_too_large",
            "what this node tells about itself takes {bytes} bytes, more than {limit}"),
    }
}

impl ClusterError {
    pub(crate) fn listen(address: SocketAddr, error: &io::Error) -> Self {
        let address = address.to_string();
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address },
            _ => Self::Refused { address, reason: error.to_string() },
        }
    }
}

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use crate::chance;

/// Below the ports that Linux gives to clients: among those, a client that tries again and again to reach a server
/// that is down can be given the server's own port, and then keeps it from starting again.
const PORTS: Range<u16> = 10_000..32_768;
const TRIES: usize = 100;

/// A port of this machine's loopback that nobody listens on. Somebody may take it before the caller does.
pub(crate) fn free() -> io::Result<u16> {
    for _ in 0..TRIES {
        let chance = u16::from_ne_bytes(chance::bytes()?);
        let port = PORTS.start + chance % (PORTS.end - PORTS.start);
        if is_free(port) {
            return Ok(port);
        }
    }
    Err(io::Error::other(format!("no free port found in {PORTS:?} after {TRIES} tries")))
}

/// Whether a server could listen there.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

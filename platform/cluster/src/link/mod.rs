//! What carries packets: UDP, or memory in tests and simulations.

mod memory;
mod udp;

use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;

pub use memory::{MemoryLink, MemoryNetwork};
pub use udp::Udp;

/// Carries packets to other nodes, some of them, in any order.
#[async_trait]
pub trait Link: Send + Sync + 'static {
    /// The address it listens on.
    fn local_address(&self) -> SocketAddr;

    /// Sends a packet. That it arrives is not promised.
    ///
    /// # Errors
    /// Whatever the operating system says.
    async fn send(&self, to: SocketAddr, packet: &[u8]) -> io::Result<()>;

    /// Waits for a packet; gives its length and where it came from. What does not fit into `buffer` is cut off.
    /// May be cancelled without losing a packet.
    ///
    /// # Errors
    /// Whatever the operating system says; the next call may succeed.
    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)>;
}

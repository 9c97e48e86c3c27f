use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A stream of bytes both ways: TCP, TLS over it, or a pipe in a test.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// Opens streams to other nodes.
#[async_trait]
pub trait Connect: Send + Sync + 'static {
    /// Opens a stream to the node at `address`.
    ///
    /// # Errors
    /// Whatever the transport says; the caller tries another node or comes back later.
    async fn connect(&self, address: SocketAddr) -> io::Result<Box<dyn Io>>;
}

/// TCP without encryption; only for addresses of this machine.
pub(super) struct Plain;

#[async_trait]
impl Connect for Plain {
    async fn connect(&self, address: SocketAddr) -> io::Result<Box<dyn Io>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

use std::io;

use async_trait::async_trait;
use shoal_types::wire::Peer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::target::Target;

/// A stream of bytes both ways: TCP, TLS over it, or a pipe in a test.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// Opens streams to other nodes.
#[async_trait]
pub trait Connect: Send + Sync + 'static {
    /// Opens a stream to `target`, and to no other node that may answer at its address by now.
    ///
    /// # Errors
    /// Whatever the transport says; the caller tries another node or comes back later.
    async fn connect(&self, target: Target) -> io::Result<Box<dyn Io>>;
}

/// Takes the streams of other nodes and finds out who they are.
#[async_trait]
pub trait Accept: Send + Sync + 'static {
    /// Makes of a connection that came in a stream of calls.
    ///
    /// # Errors
    /// Whatever the transport says; [`HandshakeError`](crate::identity::HandshakeError) if the other end is not let in.
    async fn accept(&self, stream: TcpStream) -> io::Result<(Box<dyn Io>, Peer)>;
}

/// TCP without encryption; only for addresses of this machine.
pub(super) struct Plain;

#[async_trait]
impl Connect for Plain {
    /// Without certificates whoever answers is taken at its word.
    async fn connect(&self, target: Target) -> io::Result<Box<dyn Io>> {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

#[async_trait]
impl Accept for Plain {
    async fn accept(&self, stream: TcpStream) -> io::Result<(Box<dyn Io>, Peer)> {
        Ok((Box::new(stream), Peer::local()))
    }
}

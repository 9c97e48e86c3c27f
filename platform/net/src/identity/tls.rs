use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use rustls::CommonState;
use rustls::pki_types::ServerName;
use shoal_types::wire::Peer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::leaf::PROTOCOL;
use super::name::Name;
use super::{HandshakeError, Identity, explain};
use crate::rpc::{Accept, Connect, Io};

/// How long one who was refused may take to read why.
const LINGER: Duration = Duration::from_secs(1);

/// TLS 1.3 between nodes of one cluster, both showing their certificates.
#[derive(Debug, Clone)]
pub struct Tls {
    identity: Identity,
}

impl Tls {
    pub(super) fn new(identity: Identity) -> Self {
        Self { identity }
    }
}

#[async_trait]
impl Connect for Tls {
    /// # Errors
    /// A [`HandshakeError`] if the other end is no node of this cluster. That it does not believe this node shows
    /// only when the connection is first read from.
    async fn connect(&self, address: SocketAddr) -> io::Result<Box<dyn Io>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let connector = TlsConnector::from(self.identity.present().client.clone());
        let name = ServerName::IpAddress(address.ip().into());
        let stream = connector.connect(name, stream).await.map_err(explain)?;
        check_protocol(stream.get_ref().1)?;
        Ok(Box::new(stream))
    }
}

#[async_trait]
impl Accept for Tls {
    async fn accept(&self, stream: TcpStream) -> io::Result<(Box<dyn Io>, Peer)> {
        let acceptor = TlsAcceptor::from(self.identity.present().server.clone());
        let stream = match acceptor.accept(stream).into_fallible().await {
            Ok(stream) => stream,
            Err((error, stream)) => {
                hang_up(stream).await;
                return Err(explain(error));
            }
        };
        let session = stream.get_ref().1;
        check_protocol(session)?;
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        let name = certificate.and_then(Name::of).ok_or(HandshakeError::NoCertificate {})?;
        Ok((Box::new(stream), name.peer()))
    }
}

/// TLS lets an end that names no protocol pass.
fn check_protocol(session: &CommonState) -> io::Result<()> {
    if session.alpn_protocol() == Some(PROTOCOL) {
        Ok(())
    } else {
        Err(HandshakeError::ProtocolVersion {}.into())
    }
}

/// Closes so that the other end can read the alert which says why: bytes left unread would reset the connection.
async fn hang_up(mut stream: TcpStream) {
    let read_out = async {
        stream.shutdown().await?;
        let mut rest = [0; 1_024];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    // Whether it listens is its own affair.
    let _ = timeout(LINGER, read_out).await;
}

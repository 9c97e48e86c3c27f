use std::io;
use std::time::Duration;

use async_trait::async_trait;
use rustls::CommonState;
use rustls::pki_types::ServerName;
use shoal_types::NodeId;
use shoal_types::wire::Peer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::leaf::PROTOCOL;
use super::name::Name;
use super::{HandshakeError, Identity, explain};
use crate::rpc::{Accept, Connect, Io, Target};

/// How long one who was refused may take to read why.
const LINGER: Duration = Duration::from_secs(1);

/// TLS 1.3 between nodes of one cluster, both showing their certificates.
#[derive(Debug, Clone)]
pub struct Tls {
    identity: Identity,
    any_node: bool,
}

impl Tls {
    pub(super) fn new(identity: Identity) -> Self {
        Self { identity, any_node: false }
    }

    /// The node that shows this certificate.
    pub fn node(&self) -> NodeId {
        self.identity.node()
    }

    /// Connects to whichever node of the cluster answers: for one who knows an address only, such as an operator's
    /// command.
    pub fn with_any_node(self) -> Self {
        Self { any_node: true, ..self }
    }

    /// A node that ended may have left its address to another.
    fn check_node(&self, session: &CommonState, meant: Target) -> io::Result<()> {
        let found = name_of(session)?.node;
        if self.any_node || found == meant.node {
            return Ok(());
        }
        Err(HandshakeError::OtherNode { meant: meant.node.to_string(), found: found.to_string() }.into())
    }
}

#[async_trait]
impl Connect for Tls {
    /// # Errors
    /// A [`HandshakeError`] if the other end is no node of this cluster, or another than `target`. That it does not
    /// believe this node shows only when the connection is first read from.
    async fn connect(&self, target: Target) -> io::Result<Box<dyn Io>> {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        let connector = TlsConnector::from(self.identity.present().client.clone());
        let name = ServerName::IpAddress(target.address.ip().into());
        let stream = connector.connect(name, stream).await.map_err(explain)?;
        let session = stream.get_ref().1;
        check_protocol(session)?;
        self.check_node(session, target)?;
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
        let peer = name_of(session)?.peer();
        Ok((Box::new(stream), peer))
    }
}

/// Who is at the other end, as its certificate says, which was found to be good.
fn name_of(session: &CommonState) -> io::Result<Name> {
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    Ok(certificate.and_then(Name::of).ok_or(HandshakeError::NoCertificate {})?)
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

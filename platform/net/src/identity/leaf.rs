use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::client::Resumption;
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};
use shoal_types::{Env, NodeId, Timestamp};

use super::authority::{Leaf, inconsistent};
use super::name::Name;
use super::trust::{NodeTime, provider};
use super::{Bundle, ClusterId, IdentityError, Tls};

/// How long a certificate is valid if nobody says otherwise.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// How often at least and at most a node looks whether its certificate is to be renewed. The clock may jump, so it does
/// not sleep through to the hour.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(60));

/// What nodes speak within TLS; another number is another language.
pub(super) const PROTOCOL: &[u8] = b"shoal/1";

/// A node's certificate and whose certificates it believes, replaced while connections go on.
///
/// The certificate is minted by the node itself from the cluster's [`Bundle`], is never written down, and names the
/// cluster, the node and its roles. A connection keeps the certificates it was made with; each new one takes those of
/// the moment, and none is resumed.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    env: Env,
    name: Name,
    lifetime: Duration,
    present: ArcSwap<Present>,
    /// Held while the present is replaced, lest a renewal put a bundle back that was just replaced.
    replacing: Mutex<()>,
}

/// What new connections are made with.
pub(super) struct Present {
    bundle: Bundle,
    pub(super) client: Arc<ClientConfig>,
    pub(super) server: Arc<ServerConfig>,
    not_after: Timestamp,
    renew_at: Timestamp,
}

impl Identity {
    /// Mints a certificate for `node` with `roles`, valid from five minutes ago for 24 hours from now.
    ///
    /// # Errors
    /// `InvalidRole`, or `Inconsistent` for a bundle that was tampered with.
    pub fn mint(bundle: &Bundle, node: NodeId, roles: &[&str], env: &Env) -> Result<Self, IdentityError> {
        Self::mint_for(LIFETIME, bundle, node, roles, env)
    }

    /// As [`Identity::mint`], each certificate being valid for `lifetime`.
    ///
    /// # Errors
    /// As [`Identity::mint`].
    pub fn mint_for(
        lifetime: Duration,
        bundle: &Bundle,
        node: NodeId,
        roles: &[&str],
        env: &Env,
    ) -> Result<Self, IdentityError> {
        let name = Name::new(bundle.cluster(), node, roles)?;
        let present = ArcSwap::from_pointee(Present::mint(bundle.clone(), &name, lifetime, env)?);
        let replacing = Mutex::default();
        Ok(Self(Arc::new(Inner { env: env.clone(), name, lifetime, present, replacing })))
    }

    /// The node.
    pub fn node(&self) -> NodeId {
        self.0.name.node
    }

    /// Its cluster.
    pub fn cluster(&self) -> ClusterId {
        self.0.name.cluster
    }

    /// When the present certificate ends, unless it is renewed before.
    pub fn not_after(&self) -> Timestamp {
        self.0.present.load().not_after
    }

    /// The transport of this identity. It follows every renewal and reload.
    pub fn tls(&self) -> Tls {
        Tls::new(self.clone())
    }

    /// Takes over a changed bundle of the same cluster: new connections use it at once, open ones go on.
    ///
    /// # Errors
    /// `OtherCluster`, or `Inconsistent` for a bundle that was tampered with. The present one stays in force then.
    pub fn reload(&self, bundle: &Bundle) -> Result<(), IdentityError> {
        let (ours, theirs) = (self.cluster(), bundle.cluster());
        if ours != theirs {
            return Err(IdentityError::OtherCluster { ours: ours.to_string(), theirs: theirs.to_string() });
        }
        self.replace(|_| bundle.clone())
    }

    /// Mints the next certificate from the present bundle.
    ///
    /// # Errors
    /// `Inconsistent`, which a bundle that was good once is not.
    pub fn renew(&self) -> Result<(), IdentityError> {
        self.replace(|present| present.bundle.clone())
    }

    /// Renews the certificate after two thirds of its life, for ever: spawn it, and drop it to end it.
    pub async fn keep_renewed(self) {
        loop {
            let left = self.0.present.load().renew_at.since(self.0.env.now());
            tokio::time::sleep(left.clamp(LOOK_EVERY.0, LOOK_EVERY.1)).await;
            if self.0.env.now() < self.0.present.load().renew_at {
                continue;
            }
            match self.renew() {
                Ok(()) => tracing::info!(until = %self.not_after(), "renewed the node's certificate"),
                Err(error) => {
                    tracing::error!(%error, "cannot renew the node's certificate");
                    tokio::time::sleep(LOOK_EVERY.1).await;
                }
            }
        }
    }

    pub(super) fn present(&self) -> arc_swap::Guard<Arc<Present>> {
        self.0.present.load()
    }

    fn replace(&self, bundle: impl FnOnce(&Present) -> Bundle) -> Result<(), IdentityError> {
        let Inner { env, name, lifetime, present, replacing } = &*self.0;
        // Half a replacement is none: a panic within leaves nothing behind.
        let _turn = replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let bundle = bundle(&present.load());
        present.store(Arc::new(Present::mint(bundle, name, *lifetime, env)?));
        Ok(())
    }
}

/// Shows no secret.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.0.name.to_string()).finish()
    }
}

impl Present {
    fn mint(bundle: Bundle, name: &Name, lifetime: Duration, env: &Env) -> Result<Self, IdentityError> {
        let trust = Arc::new(bundle.trust()?);
        let Leaf { certificate, key, not_after } = bundle.mint(name, lifetime, env)?;
        // Found out here it is one clear error; else every other node would refuse us, each in its own words.
        let unbelieved = |_| inconsistent("the CA in force is not among those that are trusted");
        trust.vouches_for(&certificate, env).map_err(unbelieved)?;
        let unusable = |_| inconsistent("the minted certificate cannot be used");
        let time = || Arc::new(NodeTime(env.clone()));
        let mut client = ClientConfig::builder_with_details(provider(), time())
            .with_protocol_versions(&[&TLS13])
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(trust.clone())
            .with_client_auth_cert(vec![certificate.clone()], key.clone_key().into())
            .map_err(unusable)?;
        client.alpn_protocols = vec![PROTOCOL.to_vec()];
        client.enable_sni = false;
        // A resumed session would carry an old certificate past a change of trust. Connections last: it gains nothing.
        client.resumption = Resumption::disabled();
        let mut server = ServerConfig::builder_with_details(provider(), time())
            .with_protocol_versions(&[&TLS13])
            .map_err(unusable)?
            .with_client_cert_verifier(trust)
            .with_single_cert(vec![certificate], key.into())
            .map_err(unusable)?;
        server.alpn_protocols = vec![PROTOCOL.to_vec()];
        server.send_tls13_tickets = 0;
        let renew_at = env.now().plus(lifetime * 2 / 3);
        Ok(Self { bundle, client: Arc::new(client), server: Arc::new(server), not_after, renew_at })
    }
}

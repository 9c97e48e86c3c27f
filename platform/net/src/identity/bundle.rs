use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use serde::{Deserialize, Serialize};
use shoal_types::{Env, NodeId, Secret};
use uuid::Uuid;

use super::authority::{Authority, Leaf, certificate, inconsistent};
use super::name::Name;
use super::rotation::Rotating;
use super::trust::Trust;
use super::{IdentityError, Rotation};

/// Bytes of a gossip key.
const KEY_LEN: usize = 32;

/// Which cluster: drawn when its bundle is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClusterId(Uuid);

impl ClusterId {
    pub(super) fn new(env: &Env) -> Self {
        let mut random = [0_u8; 16];
        env.rng().fill(&mut random);
        Self(uuid::Builder::from_random_bytes(random).into_uuid())
    }

    /// The UUID within.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

/// Hyphenated.
impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

impl FromStr for ClusterId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// The cluster's secret: what makes a process one of its nodes.
///
/// It holds the key of the cluster's certificate authority, so whoever has it can make a certificate of any node with
/// any roles: the roles bind a process from which a certificate was stolen, not one from which the bundle was. Keep it
/// from everybody else, and rotate what is in it when somebody may have seen it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    cluster: ClusterId,
    name: String,
    ca: Rotating<Authority, String>,
    gossip: Rotating<Secret, Secret>,
}

impl Bundle {
    /// Draws the secret of a new cluster.
    ///
    /// # Errors
    /// `InvalidName`.
    pub fn create(name: &str, env: &Env) -> Result<Self, IdentityError> {
        if !is_name(name) {
            return Err(IdentityError::InvalidName { name: name.chars().take(64).collect() });
        }
        Ok(Self {
            cluster: ClusterId::new(env),
            name: name.to_owned(),
            ca: Rotating::settled(Authority::new(env)),
            gossip: Rotating::settled(gossip_key(env)),
        })
    }

    /// Which cluster.
    pub const fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// Its name, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The keys of the gossip: all of them open, the first one seals. Never empty.
    pub fn gossip_keys(&self) -> Vec<[u8; KEY_LEN]> {
        // `check` has read them all.
        self.gossip.accepted(Secret::clone).iter().filter_map(read_key).collect()
    }

    /// The bundle after the next step of the rotation of the certificate authority.
    pub fn rotated_ca(&self, env: &Env) -> Self {
        let ca = self.ca.rotated(|| Authority::new(env), |authority| authority.certificate.clone());
        Self { ca, ..self.clone() }
    }

    /// How far the rotation of the certificate authority has come.
    pub const fn ca_rotation(&self) -> Rotation {
        self.ca.rotation()
    }

    /// The bundle after the next step of the rotation of the gossip key.
    pub fn rotated_gossip_key(&self, env: &Env) -> Self {
        Self { gossip: self.gossip.rotated(|| gossip_key(env), Secret::clone), ..self.clone() }
    }

    /// How far the rotation of the gossip key has come.
    pub const fn gossip_rotation(&self) -> Rotation {
        self.gossip.rotation()
    }

    /// Makes a certificate for `name`, valid for `lifetime` from now.
    pub(super) fn mint(&self, name: &Name, lifetime: Duration, env: &Env) -> Result<Leaf, IdentityError> {
        self.ca.in_force.mint(name, lifetime, env)
    }

    /// Whose certificates are believed.
    pub(super) fn trust(&self) -> Result<Trust, IdentityError> {
        let mut roots = RootCertStore::empty();
        for pem in self.ca.accepted(|authority| authority.certificate.clone()) {
            roots.add(certificate(&pem)?).map_err(|_| inconsistent("a CA's certificate is unreadable"))?;
        }
        Trust::new(self.cluster, Arc::new(roots))
    }

    /// Passes a bundle whose parts fit together: each authority's key signs what its certificate vouches for.
    pub(super) fn check(&self, env: &Env) -> Result<(), IdentityError> {
        if !is_name(&self.name) {
            return Err(IdentityError::InvalidName { name: self.name.chars().take(64).collect() });
        }
        if self.gossip.accepted(Secret::clone).iter().any(|key| read_key(key).is_none()) {
            return Err(inconsistent("a gossip key is not 64 hexadecimal digits"));
        }
        let name = Name::new(self.cluster, NodeId::new(env), &[])?;
        for authority in self.ca.secrets() {
            let mut alone = RootCertStore::empty();
            alone
                .add(certificate(&authority.certificate)?)
                .map_err(|_| inconsistent("a CA's certificate is unreadable"))?;
            let leaf = authority.mint(&name, Duration::from_secs(60), env)?;
            let vouched = Trust::new(self.cluster, Arc::new(alone))?.vouches_for(&leaf.certificate, env);
            vouched.map_err(|_| inconsistent("a CA's key is not its certificate's"))?;
        }
        // The last authority has no key any more: that its certificate can be read is all there is to check.
        self.trust().map(|_| ())
    }
}

/// Shows no secret.
impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle")
            .field("cluster", &self.cluster)
            .field("name", &self.name)
            .field("ca_rotation", &self.ca_rotation())
            .field("gossip_rotation", &self.gossip_rotation())
            .finish_non_exhaustive()
    }
}

fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(letter)
}

fn gossip_key(env: &Env) -> Secret {
    Secret::new(hex::encode(env.rng().token()))
}

fn read_key(key: &Secret) -> Option<[u8; KEY_LEN]> {
    let mut bytes = [0; KEY_LEN];
    hex::decode_to_slice(key.expose(), &mut bytes).ok()?;
    Some(bytes)
}

use std::fmt;

use ring::aead::{CHACHA20_POLY1305, LessSafeKey, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::hmac;
use uuid::Uuid;

use super::{KEY_ID, SALT};

/// A secret that all nodes of a cluster share, to seal their gossip with.
#[derive(Clone, PartialEq, Eq)]
pub struct GossipKey([u8; 32]);

impl GossipKey {
    /// Takes 256 random bits.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// What tells packets under different keys apart, without telling the key.
    pub(super) fn id(&self, cluster: Uuid) -> [u8; KEY_ID] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let tag = hmac::sign(&key, &[b"shoal gossip key id".as_slice(), cluster.as_bytes()].concat());
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&tag.as_ref()[..KEY_ID]);
        id
    }

    /// The key of the sender that drew `salt`.
    pub(super) fn derive(&self, cluster: Uuid, salt: &[u8; SALT]) -> LessSafeKey {
        let secret = Salt::new(HKDF_SHA256, salt).extract(&self.0);
        let info: [&[u8]; 2] = [b"shoal gossip 1", cluster.as_bytes()];
        let okm = secret.expand(&info, &CHACHA20_POLY1305).expect("a key is shorter than HKDF's limit");
        LessSafeKey::new(UnboundKey::from(okm))
    }
}

impl fmt::Debug for GossipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GossipKey(***)")
    }
}

/// One key, or two while keys are being changed: packets are sealed with the first and opened with any.
///
/// To change from key A to B without losing anybody: give every node `[A, B]`, then every node `[B, A]`, then `[B]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRing {
    pub(super) first: GossipKey,
    pub(super) second: Option<GossipKey>,
}

impl KeyRing {
    /// A ring that seals with `first` and opens with either.
    pub const fn new(first: GossipKey, second: Option<GossipKey>) -> Self {
        Self { first, second }
    }
}

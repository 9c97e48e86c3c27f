//! Tokens of sessions and for new passwords: opaque text that only its owner has. The house keeps a hash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use shoal_contract::users::{ResetId, SessionId, UserId};
use shoal_types::Secret;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Lets secret scanners know what they found.
const PREFIX: &str = "shoal_";
const RESET_PREFIX: &str = "shoal_reset_";
const ID_LEN: usize = 16;
const SECRET_LEN: usize = 32;

/// A token as it was sent: it names its user and session, so that both are found by key, and proves nothing yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Presented {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    hash: [u8; 32],
}

impl Presented {
    /// Reads a token; none if the text was never one of ours.
    pub(crate) fn parse(token: &Secret) -> Option<Self> {
        Self::read(PREFIX, token)
    }

    /// Reads a token that lets its holder choose a new password, whose id stands in place of a session's.
    pub(crate) fn parse_reset(token: &Secret) -> Option<Self> {
        Self::read(RESET_PREFIX, token)
    }

    fn read(prefix: &str, token: &Secret) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token.expose().strip_prefix(prefix)?).ok()?;
        let bytes: [u8; 2 * ID_LEN + SECRET_LEN] = bytes.try_into().ok()?;
        let (user, rest) = bytes.split_first_chunk::<ID_LEN>()?;
        let (session, _) = rest.split_first_chunk::<ID_LEN>()?;
        Some(Self {
            user: UserId::from_uuid(Uuid::from_bytes(*user)),
            session: SessionId::from_uuid(Uuid::from_bytes(*session)),
            hash: Sha256::digest(bytes).into(),
        })
    }

    /// Whether it is the token whose hash was stored. Takes the same time for every wrong one.
    pub(crate) fn proves(&self, stored: &[u8; 32]) -> bool {
        self.hash.ct_eq(stored).into()
    }

    /// What is stored of it.
    pub(crate) fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

/// A new token of 256 `random` bits, and the hash to store.
pub(crate) fn issue(user: UserId, session: SessionId, random: [u8; SECRET_LEN]) -> (Secret, [u8; 32]) {
    write(PREFIX, user, session, random)
}

/// The same, for a new password.
pub(crate) fn issue_reset(user: UserId, reset: ResetId, random: [u8; SECRET_LEN]) -> (Secret, [u8; 32]) {
    write(RESET_PREFIX, user, reset.cast(), random)
}

fn write(prefix: &str, user: UserId, session: SessionId, random: [u8; SECRET_LEN]) -> (Secret, [u8; 32]) {
    let mut bytes = Vec::with_capacity(2 * ID_LEN + SECRET_LEN);
    bytes.extend(user.uuid().as_bytes());
    bytes.extend(session.uuid().as_bytes());
    bytes.extend(random);
    let token = Secret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(&bytes)));
    (token, Sha256::digest(&bytes).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_proves_itself_and_no_other(user: u128, session: u128, random: [u8; 32], flipped in 0..64_usize) {
            let (user, session) =
                (UserId::from_uuid(Uuid::from_u128(user)), SessionId::from_uuid(Uuid::from_u128(session)));
            let (token, hash) = issue(user, session, random);
            let presented = Presented::parse(&token).expect("ours");
            prop_assert_eq!((presented.user, presented.session), (user, session));
            prop_assert!(presented.proves(&hash));
            prop_assert!(Presented::parse_reset(&token).is_none(), "a session's is no other");
            let (reset, _) = issue_reset(user, session.cast(), random);
            prop_assert!(Presented::parse(&reset).is_none() && Presented::parse_reset(&reset).is_some());

            let text = token.expose().strip_prefix(PREFIX).expect("prefixed");
            let mut bytes = URL_SAFE_NO_PAD.decode(text).expect("base 64");
            bytes[flipped] ^= 1;
            let forged = Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)));
            prop_assert!(!Presented::parse(&forged).expect("shaped like ours").proves(&hash));
        }

        #[test]
        fn any_text_is_a_token_or_none(text in ".{0,120}") {
            let _ = Presented::parse(&Secret::new(format!("{PREFIX}{text}")));
            let _ = Presented::parse(&Secret::new(text));
        }
    }
}

//! Secrets and signatures.
//!
//! Source: Standard Webhooks 1.0.0, "Signature scheme".

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use shoal_types::Secret;

/// Lets secret scanners and libraries know what they found.
const PREFIX: &str = "whsec_";

/// A new secret of 256 `random` bits, as its owner gets it.
pub(crate) fn issue(random: [u8; 32]) -> Secret {
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(random)))
}

/// What `webhook-signature` says: a signature by each of the secrets, so that whoever has one of them can verify it.
///
/// `at_s` is the time of the attempt in seconds since the epoch. A text that is no secret signs nothing.
pub(crate) fn sign<'s>(
    secrets: impl IntoIterator<Item = &'s Secret>,
    id: &str,
    at_s: i64,
    body: &str,
) -> String {
    let signatures: Vec<String> =
        secrets.into_iter().filter_map(|secret| signature(secret, id, at_s, body)).collect();
    signatures.join(" ")
}

fn signature(secret: &Secret, id: &str, at_s: i64, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.expose().strip_prefix(PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    for part in [id, ".", &at_s.to_string(), ".", body] {
        mac.update(part.as_bytes());
    }
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &str = r#"{"test": 2432232314}"#;

    /// Source: the tests of the official libraries, "sign function works".
    #[test]
    fn the_published_vector_holds() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signature = sign([&secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, BODY);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_signs() {
        let (old, new) = (issue([1; 32]), issue([2; 32]));
        let both = sign([&new, &old], "event_1", 1, BODY);
        let alone = [sign([&new], "event_1", 1, BODY), sign([&old], "event_1", 1, BODY)];
        assert_eq!(both.split(' ').collect::<Vec<_>>(), alone);
        assert_eq!(sign([&Secret::new("hello")], "event_1", 1, BODY), "");
    }

    proptest! {
        #[test]
        fn whatever_is_signed_counts(random: [u8; 32], other: [u8; 32], id in "[a-z_0-9]{1,30}", at in 0..i64::MAX) {
            let secret = issue(random);
            let signed = sign([&secret], &id, at, BODY);
            prop_assert_ne!(&signed, &sign([&secret], &format!("{id}0"), at, BODY));
            prop_assert_ne!(&signed, &sign([&secret], &id, at.wrapping_add(1), BODY));
            prop_assert_ne!(&signed, &sign([&secret], &id, at, "{}"));
            if random != other {
                prop_assert_ne!(&signed, &sign([&issue(other)], &id, at, BODY));
            }
        }
    }
}

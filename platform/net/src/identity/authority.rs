use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, PublicKeyData, SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shoal_types::{Env, Secret, Timestamp};

use super::IdentityError;
use super::name::Name;

/// A certificate is valid from so long before it is minted, for nodes whose clocks are behind.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5 * 60);

/// What comes before the 32 bytes of an Ed25519 key in PKCS#8.
///
/// Source: RFC 8410, section 7.
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A certificate authority: who holds it can make certificates of its cluster.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Authority {
    /// PEM.
    pub(super) certificate: String,
    /// PKCS#8, PEM.
    key: Secret,
}

/// A certificate of a node and its key.
pub(super) struct Leaf {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivatePkcs8KeyDer<'static>,
    pub(super) not_after: Timestamp,
}

impl Authority {
    /// Draws a new authority. It ends when the trust in it does: nobody asks for the dates of a trust anchor.
    pub(super) fn new(env: &Env) -> Self {
        let key = draw_key(env);
        let mut params = authority_params(&key);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(9999, 12, 31);
        let certificate = params.self_signed(&key).expect("constant names are valid").pem();
        Self { certificate, key: Secret::new(key.serialize_pem()) }
    }

    /// Makes a certificate for `name`, valid for `lifetime` from now.
    pub(super) fn mint(&self, name: &Name, lifetime: Duration, env: &Env) -> Result<Leaf, IdentityError> {
        let key =
            KeyPair::from_pem(self.key.expose()).map_err(|_| inconsistent("a CA's key is unreadable"))?;
        let params = authority_params(&key);
        let not_after = env.now().plus(lifetime);
        let leaf_key = draw_key(env);
        let certificate = leaf_params(name, env.now().minus(CLOCK_SKEW_MAX), not_after)
            .signed_by(&leaf_key, &Issuer::from_params(&params, &key))
            .map_err(|_| inconsistent("a CA's key cannot sign"))?;
        let key = PrivatePkcs8KeyDer::from(leaf_key.serialize_der());
        Ok(Leaf { certificate: certificate.into(), key, not_after })
    }
}

pub(super) fn inconsistent(part: &str) -> IdentityError {
    IdentityError::Inconsistent { part: part.to_owned() }
}

/// Reads a certificate in PEM.
pub(super) fn certificate(pem: &str) -> Result<CertificateDer<'static>, IdentityError> {
    CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| inconsistent("a CA's certificate is unreadable"))
}

fn draw_key(env: &Env) -> KeyPair {
    let pkcs8 = PrivatePkcs8KeyDer::from([&PKCS8_HEAD[..], &env.rng().token()].concat());
    KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_ED25519).expect("any 32 bytes are an Ed25519 key")
}

/// The name of an authority follows from its key, so that no two share one and none has to be parsed.
fn authority_params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    let digest = Sha256::digest(key.der_bytes());
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("shoal ca {}", hex::encode(&digest[..8])));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf_params(name: &Name, not_before: Timestamp, not_after: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name.node.to_string());
    let uri = name.to_string().try_into().expect("a name is ASCII");
    params.subject_alt_names = vec![SanType::URI(uri)];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + not_before.since(Timestamp::default());
    params.not_after = epoch + not_after.since(Timestamp::default());
    params
}

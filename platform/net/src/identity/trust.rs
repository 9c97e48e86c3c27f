use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerIncompatible,
    RootCertStore, SignatureScheme,
};
use shoal_types::{Env, Timestamp};

use super::authority::inconsistent;
use super::name::Name;
use super::{ClusterId, HandshakeError, IdentityError};

/// Whose certificates are believed: those of our cluster that one of its authorities has signed. Host names say
/// nothing: a node is found by gossip and may have any address.
#[derive(Debug)]
pub(super) struct Trust {
    cluster: ClusterId,
    roots: Arc<RootCertStore>,
    clients: Arc<dyn ClientCertVerifier>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Trust {
    pub(super) fn new(cluster: ClusterId, roots: Arc<RootCertStore>) -> Result<Self, IdentityError> {
        let clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider())
            .clear_root_hint_subjects()
            .build()
            .map_err(|_| inconsistent("a CA's certificate is unreadable"))?;
        let algorithms = provider().signature_verification_algorithms;
        Ok(Self { cluster, roots, clients, algorithms })
    }

    /// Whether a certificate of our own making would be believed now, on both ends.
    pub(super) fn vouches_for(&self, certificate: &CertificateDer<'_>, env: &Env) -> Result<(), Error> {
        let now = unix_time(env.now());
        self.check_server(certificate, &[], now)?;
        self.verify_client_cert(certificate, &[], now).map(|_| ())
    }

    /// Another cluster's certificate is told apart first: what else is wrong with it does not matter.
    fn check_name(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let refused = |error| Error::from(CertificateError::Other(OtherError(Arc::new(error))));
        match Name::of(certificate) {
            None => Err(refused(HandshakeError::Unusable { reason: "it names no node".into() })),
            Some(name) if name.cluster != self.cluster => Err(refused(HandshakeError::ForeignCluster {
                ours: self.cluster.to_string(),
                theirs: name.cluster.to_string(),
            })),
            Some(_) => Ok(()),
        }
    }

    fn check_server(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        self.check_name(certificate)?;
        let parsed = ParsedCertificate::try_from(certificate)?;
        let algorithms = self.algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, algorithms)
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check_server(certificate, intermediates, now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Trust {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check_name(certificate)?;
        self.clients.verify_client_cert(certificate, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The cryptography of every connection.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The node's clock, for `rustls`.
pub(super) struct NodeTime(pub(super) Env);

impl TimeProvider for NodeTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(self.0.now()))
    }
}

impl std::fmt::Debug for NodeTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeTime")
    }
}

fn unix_time(at: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(at.since(Timestamp::default()).as_secs()))
}

/// The reverse of [`unix_time`].
pub(super) fn timestamp(time: UnixTime) -> Timestamp {
    Timestamp::default().plus(Duration::from_secs(time.as_secs()))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, Issuer, KeyPair, SanType};
    use shoal_types::NodeId;

    use super::super::Bundle;
    use super::*;

    #[test]
    fn a_node_cannot_make_certificates_of_others() {
        let env = Env::system();
        let bundle = Bundle::create("pond", &env).expect("a valid name");
        let trust = bundle.trust().expect("a good bundle");
        let name =
            |roles: &[&str]| Name::new(bundle.cluster(), NodeId::new(&env), roles).expect("valid roles");
        let gateway = name(&["gateway"]);
        let stolen = bundle.mint(&gateway, Duration::from_secs(60), &env).expect("a good bundle");
        assert!(trust.vouches_for(&stolen.certificate, &env).is_ok());

        let mut issuer = CertificateParams::default();
        issuer.distinguished_name = rcgen::DistinguishedName::new();
        issuer.distinguished_name.push(DnType::CommonName, gateway.node.to_string());
        let key = KeyPair::try_from(&stolen.key).expect("a key");
        let mut params = CertificateParams::default();
        let uri = name(&["checkout"]).to_string().try_into().expect("ASCII");
        params.subject_alt_names = vec![SanType::URI(uri)];
        let forged = params.signed_by(&key, &Issuer::from_params(&issuer, &key)).expect("signed");
        let chain = [stolen.certificate];
        let now = unix_time(env.now());
        assert!(trust.verify_client_cert(forged.der(), &chain, now).is_err());
        assert!(trust.check_server(forged.der(), &chain, now).is_err());
    }

    #[test]
    fn a_certificate_of_another_cluster_that_is_expired_too_is_foreign() {
        let env = Env::system();
        let [ours, theirs] = ["ours", "theirs"].map(|name| Bundle::create(name, &env).expect("a valid name"));
        let name = Name::new(theirs.cluster(), NodeId::new(&env), &[]).expect("no roles");
        let leaf = theirs.mint(&name, Duration::ZERO, &env).expect("a good bundle");
        let refused = ours.trust().expect("a good bundle").vouches_for(&leaf.certificate, &env);
        let error = refused.expect_err("refused");
        assert!(matches!(error, Error::InvalidCertificate(CertificateError::Other(_))), "{error}");
    }
}

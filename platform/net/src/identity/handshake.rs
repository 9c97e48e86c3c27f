use std::io;

use rustls::{AlertDescription, CertificateError, Error, OtherError};

use super::trust::timestamp;

shoal_types::errors! {
    /// Why two nodes do not talk to each other.
    pub enum HandshakeError {
        /// The other node belongs to another cluster on the same network. Nothing is wrong if that is so; if the two
        /// should be one cluster, give both the same bundle.
        ForeignCluster { ours: String, theirs: String } => (Forbidden, "foreign_cluster",
            "the other node belongs to the cluster {theirs}, this one to {ours}"),
        /// The other node names our cluster, but none of the authorities in our bundle has signed its certificate:
        /// one of the two has an old bundle, or the certificate is forged.
        Untrusted {} => (Forbidden, "certificate_untrusted",
            "no authority in this node's bundle has signed the other node's certificate"),
        /// The other node's certificate has ended. If it was renewed in time, the clocks of the two machines differ.
        Expired { until: String, now: String } => (Forbidden, "certificate_expired",
            "the other node's certificate ended at {until} and the clock here shows {now}: compare both clocks"),
        /// The other node's certificate begins later. The clock of its machine is ahead or that of this one behind.
        NotYetValid { from: String, now: String } => (Forbidden, "certificate_not_yet_valid",
            "the other node's certificate begins at {from} and the clock here shows {now}: compare both clocks"),
        /// A node has ended and another one answers at its address. Nothing was sent to it; once the cluster has noticed,
        /// nobody looks for the old node there any more. If it goes on, two nodes are told to listen on one address.
        OtherNode { meant: String, found: String } => (Unavailable, "other_node",
            "the node at this address is {found} and not {meant}, which was there before"),
        /// The other end showed no certificate: it is no node.
        NoCertificate {} => (Unauthenticated, "no_certificate", "the other end showed no certificate"),
        /// The other end's certificate is no node's.
        Unusable { reason: String } => (Forbidden, "certificate_unusable",
            "the other end's certificate is no node's: {reason}"),
        /// The other end speaks TLS, but not the version that nodes speak. It is no node or of another version.
        ProtocolVersion {} => (Invalid, "protocol_version",
            "the other end does not speak the protocol of this version of Shoal"),
        /// What the other end sent is not TLS: garbage, or a node that calls without encryption.
        NotTls {} => (Malformed, "not_tls", "what the other end sent is not TLS"),
        /// The other node found that this one belongs to another cluster. See `foreign_cluster`.
        RefusedAsForeign {} => (Forbidden, "refused_as_foreign",
            "the other node refuses this one: it belongs to another cluster"),
        /// The other node does not know the authority that signed this node's certificate. See `certificate_untrusted`.
        RefusedAsUntrusted {} => (Forbidden, "refused_as_untrusted",
            "the other node refuses this one: no authority in its bundle has signed this node's certificate"),
        /// By the other node's clock this node's certificate has ended or has not begun. See `certificate_expired`.
        RefusedByClock {} => (Forbidden, "refused_by_clock",
            "the other node refuses this one: by its clock this node's certificate is not valid now; compare both clocks"),
        /// The other node will not have this node's certificate for another reason. Its log says which.
        Refused { reason: String } => (Forbidden, "certificate_refused",
            "the other node refuses this node's certificate: {reason}"),
        /// The connection ended before both ends had shown who they are.
        Broken { reason: String } => (Unavailable, "handshake_broken",
            "the connection ended in the middle of the handshake: {reason}"),
    }
}

impl HandshakeError {
    /// What lies behind an error of the transport; `None` if it is no matter of who the ends are.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<HandshakeError> for io::Error {
    fn from(error: HandshakeError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// Puts an error of TLS into words; others stay as they are.
pub(crate) fn explain(error: io::Error) -> io::Error {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match tls.map(in_words) {
        Some(error) => error.into(),
        None => error,
    }
}

fn in_words(error: &Error) -> HandshakeError {
    match error {
        Error::InvalidCertificate(error) => certificate_in_words(error),
        Error::NoCertificatesPresented => HandshakeError::NoCertificate {},
        Error::PeerIncompatible(_) | Error::NoApplicationProtocol => HandshakeError::ProtocolVersion {},
        Error::AlertReceived(alert) => alert_in_words(*alert),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => HandshakeError::NotTls {},
        other => HandshakeError::Broken { reason: other.to_string() },
    }
}

fn certificate_in_words(error: &CertificateError) -> HandshakeError {
    match error {
        CertificateError::Other(OtherError(ours)) => match ours.downcast_ref::<HandshakeError>() {
            Some(ours) => ours.clone(),
            None => HandshakeError::Unusable { reason: ours.to_string() },
        },
        CertificateError::UnknownIssuer | CertificateError::BadSignature => HandshakeError::Untrusted {},
        CertificateError::ExpiredContext { time, not_after } => HandshakeError::Expired {
            until: timestamp(*not_after).to_string(),
            now: timestamp(*time).to_string(),
        },
        CertificateError::NotValidYetContext { time, not_before } => HandshakeError::NotYetValid {
            from: timestamp(*not_before).to_string(),
            now: timestamp(*time).to_string(),
        },
        other => HandshakeError::Unusable { reason: other.to_string() },
    }
}

/// What the other end says of ours. It checks what we check.
fn alert_in_words(alert: AlertDescription) -> HandshakeError {
    match alert {
        AlertDescription::CertificateUnknown => HandshakeError::RefusedAsForeign {},
        AlertDescription::UnknownCA | AlertDescription::DecryptError => HandshakeError::RefusedAsUntrusted {},
        AlertDescription::CertificateExpired => HandshakeError::RefusedByClock {},
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::AccessDenied => HandshakeError::Refused { reason: format!("{alert:?}") },
        AlertDescription::ProtocolVersion
        | AlertDescription::HandshakeFailure
        | AlertDescription::NoApplicationProtocol => HandshakeError::ProtocolVersion {},
        other => HandshakeError::Broken { reason: format!("the other end sent {other:?}") },
    }
}

//! Why there is no connection, in the words of whoever has to see to it.

use std::error::Error as _;
use std::io;

use rustls::CertificateError;
use tokio_postgres::Error as DriverError;
use tokio_postgres::error::SqlState;

use super::failure::{Failure, Kind, UniqueColumns, from_server, in_full};
use crate::Error;

/// The meaning of an error met while connecting to `database`.
pub(super) fn from_connect(error: &DriverError, database: &str) -> Failure {
    if let Some(told) = error.as_db_error() {
        if *told.code() == SqlState::INVALID_CATALOG_NAME {
            return Failure::last(Error::NoDatabase { name: database.to_owned() });
        }
        let failure = from_server(told, "connect", &UniqueColumns::new());
        return match failure.error {
            // Whatever else it is, there is no connection; it may be there later.
            Error::Statement { detail, .. } => Failure::lost(detail),
            _ => failure,
        };
    }
    if let Some(detail) = untrusted(error) {
        return Failure::last(Error::Tls { detail });
    }
    // The driver tells its kinds apart by their words only.
    let detail = in_full(error);
    if detail.starts_with("invalid configuration") || detail.starts_with("authentication error") {
        return Failure::last(Error::Denied { detail });
    }
    Failure::lost(detail)
}

/// One failure for all hosts that were tried, each with what it said.
pub(super) fn of_all(failures: Vec<(String, Failure)>) -> Failure {
    let told = failures.iter().map(|(name, failure)| format!("{name}: {}", detail(&failure.error)));
    let told = told.collect::<Vec<_>>().join("; ");
    let lost = |failure: &Failure| failure.kind == Kind::Lost;
    match failures
        .into_iter()
        .map(|(_, failure)| failure)
        .reduce(|one, next| if lost(&one) { one } else { next })
    {
        // None of them lets us in before somebody has seen to it.
        Some(failure) if !lost(&failure) => failure,
        // One of them may be there later.
        _ => Failure::lost(told),
    }
}

/// The error without the words that say what became of the connection.
fn detail(error: &Error) -> String {
    match error {
        Error::Unavailable { detail } => detail.clone(),
        other => other.to_string(),
    }
}

/// Why an encrypted connection was not made, if that is why.
fn untrusted(error: &DriverError) -> Option<String> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        let told = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(told) = told.and_then(|told| told.downcast_ref::<rustls::Error>()) {
            return Some(about_certificate(told));
        }
        cause = inner.source();
    }
    let detail = in_full(error);
    if detail.contains("server does not support TLS") {
        return Some(
            "the server takes no encrypted connections, and sslmode=disable was not asked for".to_owned(),
        );
    }
    detail.starts_with("error performing TLS handshake").then_some(detail)
}

fn about_certificate(error: &rustls::Error) -> String {
    let why = match error {
        rustls::Error::InvalidCertificate(why) => why,
        rustls::Error::AlertReceived(alert) => {
            return format!(
                "the server ended the handshake ({alert:?}), perhaps over the certificate in sslcert"
            );
        }
        other => return other.to_string(),
    };
    match why {
        CertificateError::UnknownIssuer => {
            "the server's certificate is signed by nobody whom sslrootcert, or this system, trusts".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the server's certificate has expired: {why}")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("the server's certificate is not valid yet: {why}")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the server's certificate is for another host: {why}")
        }
        other => format!("the server's certificate is not to be trusted: {other}"),
    }
}

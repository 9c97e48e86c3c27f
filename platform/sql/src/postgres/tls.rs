//! Encrypted connections: the server's certificate is always verified, with its name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::Error;

/// Where the certificates are. They are read anew for each connection, so that renewed ones count without a restart.
pub(super) struct Tls {
    on: bool,
    /// Who signed the server's certificate; the system's roots if absent.
    root: Option<PathBuf>,
    /// Our own certificate and its key, for servers that ask.
    identity: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    pub(super) const fn off() -> Self {
        Self { on: false, root: None, identity: None }
    }

    pub(super) const fn verified(root: Option<PathBuf>, identity: Option<(PathBuf, PathBuf)>) -> Self {
        Self { on: true, root, identity }
    }

    #[cfg(test)]
    pub(super) const fn is_on(&self) -> bool {
        self.on
    }

    /// What the driver makes encrypted connections with.
    ///
    /// # Errors
    /// `Tls` names the file that cannot be used.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .with_root_certificates(self.roots()?);
        let config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
                builder.with_client_auth_cert(chain, key).map_err(|error| unusable(&error))?
            }
        };
        Ok(MakeRustlsConnect::new(config))
    }

    fn roots(&self) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore::empty();
        match &self.root {
            Some(path) => {
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| unreadable(path, &error))?;
                }
            }
            // A plain connection asks for none.
            None if !self.on => {}
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    let detail = "this system has no root certificates; name one with sslrootcert=FILE";
                    return Err(Error::Tls { detail: detail.to_owned() });
                }
            }
        }
        Ok(roots)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| unreadable(path, &error))?;
    if certificates.is_empty() {
        return Err(Error::Tls { detail: format!("{} holds no certificate", path.display()) });
    }
    Ok(certificates)
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> Error {
    Error::Tls { detail: format!("{}: {error}", path.display()) }
}

fn unusable(error: &rustls::Error) -> Error {
    Error::Tls { detail: error.to_string() }
}

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

/// Whom an `https` server's certificate may come from: the system's roots, and those of a file if one is named. They are
/// read when the first connection needs them.
pub(super) struct Roots {
    file: Option<PathBuf>,
    connector: OnceCell<TlsConnector>,
}

impl Roots {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self { file, connector: OnceCell::new() }
    }

    /// What encrypted connections are made with; none if there is no root at all, which is tried again the next time.
    pub(super) async fn connector(&self) -> Option<&TlsConnector> {
        let read = || async {
            let file = self.file.clone();
            let store = tokio::task::spawn_blocking(move || store(file)).await.map_err(|_| ())?;
            connector(store?).ok_or(())
        };
        self.connector.get_or_try_init(read).await.ok()
    }
}

/// The roots, read from the disk.
fn store(file: Option<PathBuf>) -> Result<RootCertStore, ()> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = file {
        let read = CertificateDer::pem_file_iter(&file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        match read {
            Ok(certificates) => {
                roots.add_parsable_certificates(certificates);
            }
            Err(error) => {
                tracing::error!(file = %file.display(), %error, "the file of root certificates cannot be read");
            }
        }
    }
    if roots.is_empty() {
        tracing::error!("there is no root certificate: no https server can be believed");
        return Err(());
    }
    Ok(roots)
}

fn connector(roots: RootCertStore) -> Option<TlsConnector> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(TlsConnector::from(Arc::new(config)))
}

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::losses::Losses;
use super::outage::Outage;
use super::tls::Tls;
use crate::Error;

/// How long a host may take to let us in, unless the URL has `connect_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent host is asked after this long whether it is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
/// The longest a host may leave sent data unacknowledged.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(10);

/// A PostgreSQL database: its hosts, who logs in, how the connection is protected. Cheap to clone; shows no password.
#[derive(Clone)]
pub struct Server {
    config: Arc<Config>,
    tls: Arc<Tls>,
    losses: Arc<Losses>,
    outage: Outage,
}

/// Which of several hosts will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The one that takes writes.
    Primary,
    /// Any that answers, a standby too.
    Any,
}

impl Server {
    /// Reads a URL as libpq knows it, with several hosts, `sslmode` (`disable` or `verify-full`), `sslrootcert`,
    /// `sslcert`, `sslkey`, `connect_timeout` and what else tokio-postgres takes.
    ///
    /// Without `sslmode` a connection to this machine is plain and any other is encrypted and verified.
    ///
    /// # Errors
    /// `Url` says what is wrong, never the password.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |detail: &str| Error::Url { detail: detail.to_owned() };
        if !(text.starts_with("postgres://") || text.starts_with("postgresql://")) {
            return Err(wrong("it starts with neither postgres:// nor postgresql://"));
        }
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        let (ours, rest) = TlsWords::take(query)?;
        let plain = if rest.is_empty() { place.to_owned() } else { format!("{place}?{rest}") };
        // Half a password would come out in an address or in the name of an unknown word.
        if place.matches('@').count() > 1 || rest.contains('@') {
            return Err(wrong("an @, / or ? in a user or password is written %40, %2F or %3F"));
        }
        let mut config: Config = plain.parse().map_err(|error| wrong(&told(&error)))?;
        let hosts = config.get_hosts().len();
        if hosts == 0 {
            return Err(wrong("it names no host"));
        }
        if config.get_ports().len() > 1 && config.get_ports().len() != hosts {
            return Err(wrong("it names another number of ports than of hosts"));
        }
        if !config.get_hostaddrs().is_empty() && config.get_hostaddrs().len() != hosts {
            return Err(wrong("it names another number of addresses than of hosts"));
        }
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(wrong("it names no database: postgres://USER:PASSWORD@HOST/DATABASE"));
        }
        if config.get_user().is_none_or(str::is_empty) {
            return Err(wrong("it names no user: postgres://USER:PASSWORD@HOST/DATABASE"));
        }
        let tls = ours.tls(&config)?;
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        config.keepalives_idle(KEEPALIVE_IDLE).keepalives_interval(KEEPALIVE_IDLE / 5).keepalives_retries(3);
        config.tcp_user_timeout(UNACKNOWLEDGED_MAX);
        let tls = Arc::new(tls.unwrap_or_else(Tls::off));
        Ok(Self { config: Arc::new(config), tls, losses: Arc::default(), outage: Outage::default() })
    }

    /// The same hosts and user, another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        let mut config = (*self.config).clone();
        config.dbname(name);
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or_default()
    }

    /// How long a host may take to let us in.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT)
    }

    /// What to connect with, all hosts in one.
    pub(super) fn config(&self, application: &str) -> Config {
        let mut config = (*self.config).clone();
        config.application_name(application);
        config
    }

    /// Which of its hosts were found silent, by whatever house of this process.
    pub(super) fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Whether none of its hosts answers, as any house of this process has found.
    pub(crate) fn outage(&self) -> &Outage {
        &self.outage
    }

    pub(super) fn tls(&self) -> &Tls {
        &self.tls
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        let ports = self.config.get_ports();
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}")?,
                Host::Unix(path) => write!(f, "{comma}{}", path.display())?,
            }
            if let Some(port) = ports.get(index).or(ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.database())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the driver's parser says, with its cause.
fn told(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// The words of the query that say how the connection is protected; the driver knows none of them but `sslmode`.
#[derive(Default)]
struct TlsWords {
    mode: Option<String>,
    root: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl TlsWords {
    /// Takes them out of the query; the rest is answered as it was.
    fn take(query: &str) -> Result<(Self, String), Error> {
        let mut words = Self::default();
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = || {
                let decoded = percent_encoding::percent_decode_str(value).decode_utf8();
                decoded.map(String::from).map_err(|_| Error::Url { detail: format!("{name} is not UTF-8") })
            };
            match name {
                "sslmode" => words.mode = Some(value()?),
                "sslrootcert" => words.root = Some(value()?.into()),
                "sslcert" => words.certificate = Some(value()?.into()),
                "sslkey" => words.key = Some(value()?.into()),
                _ => rest.push(pair),
            }
        }
        Ok((words, rest.join("&")))
    }

    /// How to protect connections of `config`; `None` for plain ones.
    fn tls(self, config: &Config) -> Result<Option<Tls>, Error> {
        let given = self.root.is_some() || self.certificate.is_some() || self.key.is_some();
        let on = match self.mode.as_deref() {
            Some("disable") if given => {
                let detail = "sslmode=disable leaves no use for sslrootcert, sslcert and sslkey";
                return Err(Error::Url { detail: detail.to_owned() });
            }
            Some("disable") => false,
            // Certificates are always verified: a mode that promises less would only look safe.
            Some("require" | "verify-full") => true,
            None => given || !config.get_hosts().iter().all(is_here),
            Some(other) => {
                let detail = format!("sslmode={other} is not known: verify-full or disable");
                return Err(Error::Url { detail });
            }
        };
        if !on {
            return Ok(None);
        }
        let identity = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(Error::Url { detail: "sslcert and sslkey go together".to_owned() }),
        };
        Ok(Some(Tls::verified(self.root, identity)))
    }
}

/// Whether the host is this machine, so that nobody listens between.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        match Server::parse(url) {
            Err(Error::Url { detail }) => detail,
            other => panic!("{url} was taken: {other:?}"),
        }
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        let server =
            Server::parse("postgres://ann:secret@a:5433,b:5434/shop?sslmode=disable").expect("a URL");
        assert_eq!(
            format!("{server} {server:?}"),
            "postgres://a:5433,b:5434/shop postgres://a:5433,b:5434/shop"
        );
        assert_eq!(server.with_database("other").database(), "other");
    }

    #[test]
    fn a_wrong_url_is_told_what_is_wrong() {
        assert!(refusal("mysql://a/b").contains("postgres://"));
        assert!(refusal("postgres:///shop?user=ann").contains("host"));
        assert!(refusal("postgres://ann@host").contains("database"));
        assert!(refusal("postgres://host/shop").contains("user"));
        assert!(refusal("postgres://ann@host/shop?sslmode=prefer").contains("verify-full"));
        assert!(refusal("postgres://ann@host/shop?sslcert=a.pem").contains("sslkey"));
        assert!(refusal("postgres://ann@host/shop?sslmode=disable&sslrootcert=a.pem").contains("disable"));
        assert!(refusal("postgres://ann:secret@host:port/shop").contains("port"));
        assert!(!refusal("postgres://ann:secret@host:port/shop").contains("secret"));
        assert!(refusal("postgres://ann@host/shop?colour=red").contains("colour"));
        assert!(refusal("postgres://ann@a,b/shop?hostaddr=127.0.0.1").contains("addresses"));
    }

    #[test]
    fn a_password_that_needs_quoting_is_not_told() {
        for url in ["postgres://ann:ver@secret@host/shop", "postgres://ann:ver?secret@host/shop"] {
            let told = refusal(url);
            assert!(told.contains("%40") && !told.contains("secret"), "{told}");
        }
        let quoted = Server::parse("postgres://ann:ver%3Fs%40cret@host/shop").expect("a URL");
        assert_eq!(quoted.to_string(), "postgres://host:5432/shop");
    }

    #[test]
    fn only_this_machine_is_reached_without_encryption_unless_asked() {
        let encrypted = |url: &str| Server::parse(url).expect("a URL").tls.is_on();
        assert!(!encrypted("postgres://ann@localhost/shop"));
        assert!(!encrypted("postgres://ann@127.0.0.1:5433,[::1]/shop"));
        assert!(!encrypted("postgres://ann@db.example/shop?sslmode=disable"));
        assert!(encrypted("postgres://ann@db.example/shop"));
        assert!(encrypted("postgres://ann@127.0.0.1,db.example/shop"));
        assert!(encrypted("postgres://ann@localhost/shop?sslrootcert=%2Fetc%2Fca.pem"));
    }
}

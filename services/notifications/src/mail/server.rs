//! The way to the mail server, and what its answers mean.

use std::error::Error as _;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs, io};

use lettre::address::Envelope;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, Error, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use crate::mail_options::{Encryption, MailOptions, MailSetup};
use crate::model::mail::Outcome;

/// Submission, RFC 6409; and over TLS, RFC 8314.
const PORT: u16 = 587;
const PORT_TLS: u16 = 465;
/// Answers to a login that is missing or refused. They are about the shop, not about the mail.
///
/// Source: RFC 4954, section 6.
const LOGIN_CODES: [u16; 4] = [530, 534, 535, 538];

/// The mail server, over connections that are kept.
pub(super) struct Server {
    builder: AsyncSmtpTransportBuilder,
    timeout: Duration,
    transport: Mutex<Transport>,
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// A mail was not taken.
pub(super) enum Refused {
    /// What went wrong.
    Error(Error),
    /// Nothing came in time. The mail may have been taken.
    TimedOut,
}

impl Server {
    pub(super) fn new(builder: AsyncSmtpTransportBuilder, timeout: Duration) -> Self {
        let transport = Mutex::new(builder.clone().build());
        Self { builder, timeout, transport }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Hands a mail over.
    pub(super) async fn send(&self, envelope: &Envelope, mail: &[u8]) -> Result<(), Refused> {
        let transport = self.transport().clone();
        match tokio::time::timeout(self.timeout, transport.send_raw(envelope, mail)).await {
            Ok(sent) => sent.map(|_| ()).map_err(Refused::Error),
            Err(_) => {
                // A conversation that was left in the middle would go back among the connections that are kept.
                *self.transport() = self.builder.clone().build();
                Err(Refused::TimedOut)
            }
        }
    }

    fn transport(&self) -> MutexGuard<'_, Transport> {
        self.transport.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Place {
    host: String,
    port: u16,
    tls_first: bool,
}

impl Place {
    fn parse(url: &str) -> Result<Self, MailSetup> {
        let wrong = |problem: &str| MailSetup::MailUrlInvalid { problem: problem.to_owned() };
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let tls_first = match scheme {
            "smtp" => false,
            "smtps" => true,
            _ => return Err(wrong("expected smtp://HOST[:PORT] or smtps://HOST[:PORT]")),
        };
        if rest.contains('@') {
            return Err(wrong("user and password have keys of their own"));
        }
        let rest = rest.trim_end_matches('/');
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let is_host = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
        if host.is_empty() || !host.chars().all(is_host) {
            return Err(wrong("expected the name or the address of a mail server"));
        }
        let port = match port {
            None => {
                if tls_first {
                    PORT_TLS
                } else {
                    PORT
                }
            }
            Some(port) => port.parse().map_err(|_| wrong("expected a number for the port"))?,
        };
        Ok(Self { host: host.to_owned(), port, tls_first })
    }

    fn is_here(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

/// A way to the mail server that is not built yet.
pub(super) fn builder(options: &MailOptions) -> Result<AsyncSmtpTransportBuilder, MailSetup> {
    let place = Place::parse(&options.url)?;
    let encrypted = match options.encryption {
        Encryption::Auto => !place.is_here(),
        Encryption::Required => true,
        Encryption::Off => false,
    };
    let tls = match (place.tls_first, encrypted) {
        (true, _) => Tls::Wrapper(certificates(&place, options)?),
        (false, true) => Tls::Required(certificates(&place, options)?),
        (false, false) => Tls::None,
    };
    let pool = PoolConfig::new().max_size(options.connections.max(1));
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(place.host)
        .port(place.port)
        .tls(tls)
        .timeout(Some(options.timeout))
        .pool_config(pool);
    Ok(match options.user.is_empty() {
        true => builder,
        false => {
            let password = options.password.expose().to_owned();
            builder.credentials(Credentials::new(options.user.clone(), password))
        }
    })
}

fn certificates(place: &Place, options: &MailOptions) -> Result<TlsParameters, MailSetup> {
    let wrong = |problem: String| MailSetup::MailCertificatesInvalid { problem };
    let mut tls = TlsParameters::builder(place.host.clone());
    let path = &options.ca;
    if !path.as_os_str().is_empty() {
        let pem = fs::read(path).map_err(|error| wrong(format!("{}: {error}", path.display())))?;
        tls = tls.add_root_certificate(
            Certificate::from_pem(&pem).map_err(|error| wrong(format!("{}: {error}", path.display())))?,
        );
    }
    tls.build().map_err(|error| wrong(error.to_string()))
}

/// What a refusal of the mail server means for a mail. Its text is left alone: it may hold the address.
pub(super) fn outcome(refused: &Refused) -> Outcome {
    let Refused::Error(error) = refused else { return Outcome::Away("timed_out".to_owned()) };
    let code = error.status().map(u16::from);
    match code {
        Some(code) if LOGIN_CODES.contains(&code) => Outcome::Away(format!("smtp_{code}")),
        Some(code) if error.is_permanent() => Outcome::Failed(format!("smtp_{code}")),
        Some(code) => Outcome::Later(format!("smtp_{code}")),
        None if error.is_tls() || is_refused_handshake(error) => Outcome::Away("tls_failed".to_owned()),
        None if error.is_timeout() => Outcome::Away("timed_out".to_owned()),
        // It offers no encryption, or no way to log in.
        None if error.is_client() => Outcome::Away("not_offered".to_owned()),
        None if error.is_response() => Outcome::Away("not_understood".to_owned()),
        None => Outcome::Away("unreachable".to_owned()),
    }
}

/// Whether the other side is not who it should be. The handshake's own error arrives as one of the connection.
fn is_refused_handshake(error: &Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        let refused = |error: &io::Error| error.kind() == io::ErrorKind::InvalidData;
        if error.downcast_ref().is_some_and(refused) {
            return true;
        }
        source = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_host_and_a_port() {
        let parsed = |url: &str| Place::parse(url).ok().map(|it| (it.host, it.port, it.tls_first));
        assert_eq!(parsed("smtp://mail.example"), Some(("mail.example".to_owned(), 587, false)));
        assert_eq!(parsed("smtps://mail.example/"), Some(("mail.example".to_owned(), 465, true)));
        assert_eq!(parsed("smtp://[::1]:2525"), Some(("::1".to_owned(), 2525, false)));
        for wrong in
            ["", "mail.example", "http://a", "smtp://", "smtp://ann:pw@a", "smtp://a b", "smtp://a:x"]
        {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_does_not_repeat_its_password() {
        let Err(error) = Place::parse("smtp://ann:hush@mail.example") else { panic!("it is refused") };
        assert!(!error.to_string().contains("hush"));
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        for (url, here) in [
            ("smtp://localhost", true),
            ("smtp://127.0.0.7:25", true),
            ("smtp://[::1]", true),
            ("smtp://10.0.0.1", false),
            ("smtp://localhost.example", false),
        ] {
            assert_eq!(Place::parse(url).expect("a place").is_here(), here, "{url}");
        }
    }
}

use std::fmt;

use shoal_types::Secret;

use super::QueueError;

/// Where servers listen unless an address says otherwise.
const PORT: u16 = 4222;

/// Where events travel. Printed without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Place {
    /// Within each process; between nodes by their calls.
    #[default]
    InProcess,
    /// Over the servers of a queue.
    Nats(Servers),
}

/// The servers of one queue, and who logs in there. Printed without password or token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// Whether connections must be encrypted; they are too where the server asks for it.
    pub(super) tls: bool,
    /// Each with its port.
    pub(super) hosts: Vec<String>,
    pub(super) login: Option<Login>,
}

/// Who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Login {
    User { name: String, password: Secret },
    Token(Secret),
}

impl Place {
    /// Reads `in-process`, or `nats://[USER:PASSWORD@|TOKEN@]HOST[:PORT][,HOST[:PORT]..]`, or the same with `tls://`.
    ///
    /// # Errors
    /// `AddressInvalid` says what is wrong, without the secret.
    pub fn parse(text: &str) -> Result<Self, QueueError> {
        if text == "in-process" {
            return Ok(Self::InProcess);
        }
        let (tls, rest) = match text.split_once("://") {
            Some(("nats", rest)) => (false, rest),
            Some(("tls", rest)) => (true, rest),
            _ => return Err(invalid("expected in-process, nats://HOST or tls://HOST")),
        };
        let (login, hosts) = match rest.rsplit_once('@') {
            Some((login, hosts)) => (Some(Login::parse(login)?), hosts),
            None => (None, rest),
        };
        let hosts = hosts.trim_end_matches('/').split(',').map(host).collect::<Result<_, _>>()?;
        Ok(Self::Nats(Servers { tls, hosts, login }))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InProcess => f.write_str("in-process"),
            Self::Nats(servers) => servers.fmt(f),
        }
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tls { "tls://" } else { "nats://" })?;
        match &self.login {
            Some(Login::User { name, .. }) => write!(f, "{name}:***@")?,
            Some(Login::Token(_)) => f.write_str("***@")?,
            None => {}
        }
        f.write_str(&self.hosts.join(","))
    }
}

impl Login {
    fn parse(text: &str) -> Result<Self, QueueError> {
        Ok(match text.split_once(':') {
            Some((name, password)) => {
                Self::User { name: decoded(name)?, password: Secret::new(decoded(password)?) }
            }
            None => Self::Token(Secret::new(decoded(text)?)),
        })
    }
}

/// A host with its port.
fn host(text: &str) -> Result<String, QueueError> {
    let wrong = || invalid("expected HOST or HOST:PORT, separated by commas");
    // An IPv6 address has its colons in brackets.
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port.parse().map_err(|_| wrong())?),
        _ => (text, PORT),
    };
    let acceptable = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let bracketed = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let fine = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && name.chars().all(acceptable),
    };
    if fine { Ok(format!("{name}:{port}")) } else { Err(wrong()) }
}

fn decoded(text: &str) -> Result<String, QueueError> {
    let text = percent_encoding::percent_decode_str(text).decode_utf8();
    text.map(std::borrow::Cow::into_owned).map_err(|_| invalid("the login is not UTF-8"))
}

fn invalid(reason: &str) -> QueueError {
    QueueError::AddressInvalid { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Place::parse(text).map_or_else(|error| error.to_string(), |place| place.to_string())
    }

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        assert_eq!(shown("in-process"), "in-process");
        assert_eq!(shown("nats://a"), "nats://a:4222");
        assert_eq!(shown("tls://ann:s%40cret@a:1,b.example/"), "tls://ann:***@a:1,b.example:4222");
        assert_eq!(shown("nats://hush@[::1]"), "nats://***@[::1]:4222");
        assert!(!format!("{:?}", Place::parse("nats://ann:hush@a")).contains("hush"));
    }

    #[test]
    fn a_password_is_decoded() {
        let Ok(Place::Nats(servers)) = Place::parse("nats://ann:s%40c%3Aret@a") else { panic!("valid") };
        let password = Secret::new("s@c:ret");
        assert_eq!(servers.login, Some(Login::User { name: "ann".to_owned(), password }));
    }

    #[test]
    fn what_is_no_address_is_refused_without_telling_secrets() {
        for text in [
            "",
            "nats",
            "http://a",
            "nats://",
            "nats://a:port",
            "nats://a,,b",
            "nats://ann:hush@",
            "nats://[::x]",
        ] {
            let error = Place::parse(text).expect_err(text).to_string();
            assert!(!error.contains("hush"), "{error}");
        }
    }
}

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

/// The longest URL, bytes.
const URL_MAX: usize = 2_000;

/// Where a request goes: an absolute `https` or `http` URL with a host and without credentials or a fragment.
///
/// It is read as browsers do, so that no other reader sees another host in it: `http://0x7f.1/` is `127.0.0.1`, a name is
/// lowercase and in ASCII.
///
/// Source: WHATWG URL Standard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination(Url);

/// Why a URL is not requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It is no absolute URL of `https` or `http` with a host.
    Unreadable,
    /// It is too long.
    TooLong,
    /// It holds a user or a password, which would show in every list.
    Credentials,
    /// It has a fragment, which is never sent.
    Fragment,
    /// It is plain `http`, which is not allowed.
    NotEncrypted,
    /// Its port is none of those that may be used.
    Port(u16),
    /// Its address is not a public one.
    Address,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str("expected a URL such as https://example.com/webhooks"),
            Self::TooLong => write!(f, "must have at most {URL_MAX} characters"),
            Self::Credentials => f.write_str("must not hold a user or a password"),
            Self::Fragment => f.write_str("must not have a fragment"),
            Self::NotEncrypted => f.write_str("must begin with https://"),
            Self::Port(port) => write!(f, "the port {port} may not be used"),
            Self::Address => f.write_str("its address is not a public one"),
        }
    }
}

impl FromStr for Destination {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        if text.len() > URL_MAX {
            return Err(Unfit::TooLong);
        }
        // Readers pass over blanks and control characters, each in its own way.
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(Unfit::Unreadable);
        }
        let url = Url::parse(text).map_err(|_| Unfit::Unreadable)?;
        if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
            return Err(Unfit::Unreadable);
        }
        // An empty user is cut away by the reader; the character that ends it is not to be in the host's part.
        let authority = text.split("//").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next());
        if authority.is_none_or(|authority| authority.contains('@')) {
            return Err(Unfit::Credentials);
        }
        if url.fragment().is_some() {
            return Err(Unfit::Fragment);
        }
        Ok(Self(url))
    }
}

impl Destination {
    /// The URL as it is requested.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is `https`.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The port, that of the scheme if none is named.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(443)
    }

    /// The name, or the address in brackets where it is one of IPv6.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The address, if it names one and no name.
    pub fn address(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }

    /// The path and query that are asked for.
    pub(super) fn path_and_query(&self) -> String {
        match self.0.query() {
            Some(query) => format!("{}?{query}", self.0.path()),
            None => self.0.path().to_owned(),
        }
    }

    /// The `Host` of the request.
    pub(super) fn authority(&self) -> String {
        match self.0.port() {
            Some(port) => format!("{}:{port}", self.host()),
            None => self.host().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::outgoing::Guard;

    fn read(text: &str) -> Result<Destination, Unfit> {
        text.parse()
    }

    #[test]
    fn urls_are_read_strictly() {
        let plain = read("https://Example.com/hooks?a=b").expect("a URL");
        assert_eq!((plain.host(), plain.port(), plain.is_encrypted()), ("example.com", 443, true));
        assert_eq!(
            (plain.path_and_query().as_str(), plain.authority().as_str()),
            ("/hooks?a=b", "example.com")
        );
        assert_eq!(read("http://example.com:8080").expect("a URL").authority(), "example.com:8080");
        for (text, unfit) in [
            ("", Unfit::Unreadable),
            ("example.com/hooks", Unfit::Unreadable),
            ("/hooks", Unfit::Unreadable),
            ("ftp://example.com", Unfit::Unreadable),
            ("file:///etc/passwd", Unfit::Unreadable),
            ("gopher://example.com", Unfit::Unreadable),
            ("https://", Unfit::Unreadable),
            ("https:example.com", Unfit::Credentials),
            ("https://exa mple.com", Unfit::Unreadable),
            ("https://example.com\\@127.0.0.1/", Unfit::Unreadable),
            ("https://ann:secret@example.com/", Unfit::Credentials),
            ("https://ann@example.com/", Unfit::Credentials),
            ("https://@example.com/", Unfit::Credentials),
            ("https://example.com/#a", Unfit::Fragment),
            ("https://example.com:99999/", Unfit::Unreadable),
        ] {
            assert_eq!(read(text), Err(unfit), "{text}");
        }
        assert_eq!(read(&format!("https://example.com/{}", "a".repeat(2_000))), Err(Unfit::TooLong));
        assert!(read("https://example.com/@ann").is_ok());
    }

    #[test]
    fn an_address_is_known_in_every_spelling() {
        for text in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://１２７.0.0.1/",
        ] {
            let destination = read(text).expect("a URL");
            assert!(destination.address().is_some(), "{text}");
            assert_eq!(Guard::default().inspect(&destination), Err(Unfit::Address), "{text}");
        }
    }

    #[test]
    fn a_guard_says_at_once_what_it_can_know() {
        let inspect = |text: &str| Guard::default().inspect(&read(text).expect("a URL"));
        assert_eq!(inspect("https://example.com/"), Ok(()));
        assert_eq!(inspect("https://example.com:8443/"), Ok(()));
        assert_eq!(inspect("http://example.com/"), Err(Unfit::NotEncrypted));
        assert_eq!(inspect("https://example.com:22/"), Err(Unfit::Port(22)));
        assert_eq!(inspect("https://8.8.8.8:25/"), Err(Unfit::Port(25)));
        // What a name stands for is asked when it is used.
        assert_eq!(inspect("https://localhost/"), Ok(()));
        let at_home = Guard {
            allow_networks: vec!["127.0.0.0/8".parse().expect("a network")],
            allow_http: true,
            ..Guard::default()
        };
        for text in ["http://127.0.0.1:9000/", "http://localhost:9000/"] {
            assert_eq!(at_home.inspect(&read(text).expect("a URL")), Ok(()), "{text}");
        }
        assert_eq!(at_home.inspect(&read("http://10.0.0.1/").expect("a URL")), Err(Unfit::Address));
    }

    proptest! {
        #[test]
        fn any_text_is_a_destination_or_unfit(text in "(https?://)?[^ ]{0,60}") {
            if let Ok(destination) = read(&text) {
                prop_assert!(!destination.host().is_empty());
                prop_assert_eq!(read(destination.as_str()), Ok(destination));
            }
        }
    }
}

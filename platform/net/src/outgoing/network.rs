use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Addresses with a common prefix: `127.0.0.0/8`, `fd00::/8`.
///
/// Source: RFC 4632, section 3.1; RFC 4291, section 2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkError(String);

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected a network such as 10.0.0.0/8 or fd00::/8, not {}", self.0)
    }
}

impl std::error::Error for NetworkError {}

impl Network {
    /// The IPv4 network of the first `prefix` bits of `first`.
    pub(super) const fn v4(first: [u8; 4], prefix: u8) -> Self {
        let [a, b, c, d] = first;
        Self { first: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
    }

    /// The IPv6 network of the first `prefix` bits of the address that begins with `first`.
    pub(super) const fn v6(first: [u16; 3], prefix: u8) -> Self {
        let [a, b, c] = first;
        Self { first: IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)), prefix }
    }

    /// IPv4 addresses in the form of IPv6: `::ffff:0:0/96`.
    pub(super) const fn v6_mapped() -> Self {
        Self { first: IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0)), prefix: 96 }
    }

    /// Whether `address` is one of it. An IPv4 address and its IPv6 form are not the same here.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix);
                (u32::from(first) ^ u32::from(address)).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix);
                (u128::from(first) ^ u128::from(address)).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Reads `ADDRESS/BITS`, or an address alone. Bits set beyond the prefix are refused: they are a mistake.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError(text.to_owned());
        let (first, prefix) = text.split_once('/').map_or((text, None), |(first, bits)| (first, Some(bits)));
        let first: IpAddr = first.parse().map_err(|_| wrong())?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(most), |bits| bits.parse::<u8>().map_err(|_| wrong()))?;
        let network = Self { first, prefix };
        if prefix > most || network.masked() != first {
            return Err(wrong());
        }
        Ok(network)
    }
}

impl Network {
    /// Its first address with every bit beyond the prefix unset.
    fn masked(&self) -> IpAddr {
        match self.first {
            IpAddr::V4(first) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                Ipv4Addr::from(u32::from(first) & mask).into()
            }
            IpAddr::V6(first) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                Ipv6Addr::from(u128::from(first) & mask).into()
            }
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn networks_are_read_and_written() {
        for text in ["127.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "fd00::/8", "::/0", "::1/128"] {
            assert_eq!(text.parse::<Network>().map(|network| network.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(
            "10.1.2.3".parse::<Network>().map(|network| network.to_string()),
            Ok("10.1.2.3/32".into())
        );
        for text in
            ["", "10.0.0.0/33", "10.0.0.1/8", "fd00::/129", "10.0.0.0/-1", "example.com/8", "10.0.0/8"]
        {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    proptest! {
        /// Bit by bit, as the definition says.
        #[test]
        fn an_ipv4_network_holds_what_shares_its_prefix(first: u32, other: u32, prefix in 0..=32_u8) {
            let network = Network { first: Ipv4Addr::from(first).into(), prefix };
            let same = (0..prefix).all(|bit| (first ^ other) >> (31 - bit) & 1 == 0);
            prop_assert_eq!(network.contains(Ipv4Addr::from(other).into()), same);
        }

        #[test]
        fn an_ipv6_network_holds_what_shares_its_prefix(first: u128, flipped in 0..128_u8, prefix in 0..=128_u8) {
            let network = Network { first: Ipv6Addr::from(first).into(), prefix };
            let other = Ipv6Addr::from(first ^ (1 << (127 - flipped)));
            prop_assert_eq!(network.contains(other.into()), flipped >= prefix);
            prop_assert!(network.contains(Ipv6Addr::from(first).into()));
        }
    }
}

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::network::Network;
use super::{Destination, Failure, Unfit};

/// A range of addresses that only somebody inside a network should reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    network: Network,
    /// What it is: `loopback`.
    pub name: &'static str,
}

const fn v4(first: [u8; 4], prefix: u8, name: &'static str) -> Range {
    Range { network: Network::v4(first, prefix), name }
}

const fn v6(first: [u16; 3], prefix: u8, name: &'static str) -> Range {
    Range { network: Network::v6(first, prefix), name }
}

/// IPv4 addresses that are nobody's on the public internet.
///
/// Source: IANA IPv4 Special-Purpose Address Registry.
const RESERVED_V4: &[Range] = &[
    v4([0, 0, 0, 0], 8, "this network"),
    v4([10, 0, 0, 0], 8, "private"),
    v4([100, 64, 0, 0], 10, "shared by a carrier"),
    v4([127, 0, 0, 0], 8, "loopback"),
    // Where clouds answer what an instance is and with which keys: public by its number, reachable from within alone.
    v4([168, 63, 129, 16], 32, "metadata"),
    v4([169, 254, 0, 0], 16, "link-local"),
    v4([172, 16, 0, 0], 12, "private"),
    v4([192, 0, 0, 0], 24, "protocol assignments"),
    v4([192, 0, 2, 0], 24, "documentation"),
    v4([192, 88, 99, 0], 24, "6to4 relay"),
    v4([192, 168, 0, 0], 16, "private"),
    v4([198, 18, 0, 0], 15, "benchmarks"),
    v4([198, 51, 100, 0], 24, "documentation"),
    v4([203, 0, 113, 0], 24, "documentation"),
    v4([224, 0, 0, 0], 4, "multicast"),
    v4([240, 0, 0, 0], 4, "reserved"),
];

/// The IPv6 addresses that are routed at all. Loopback, link-local, unique local, multicast and all others lie outside.
const GLOBAL_V6: Range = v6([0x2000, 0, 0], 3, "global unicast");

/// IPv6 addresses within [`GLOBAL_V6`] that are nobody's on the public internet.
///
/// Source: IANA IPv6 Special-Purpose Address Registry.
const RESERVED_V6: &[Range] = &[
    // Teredo among them, which carries an IPv4 address.
    v6([0x2001, 0, 0], 23, "protocol assignments"),
    v6([0x2001, 0xdb8, 0], 32, "documentation"),
    v6([0x3fff, 0, 0], 20, "documentation"),
];

/// Which IPv6 addresses carry an IPv4 address, and how far from their end it stands, in bits.
const CARRIERS: &[(Network, u32)] = &[
    // IPv4-mapped: RFC 4291, section 2.5.5.2.
    (Network::v6_mapped(), 0),
    // 6to4: RFC 3056, section 2.
    (Network::v6([0x2002, 0, 0], 16), 80),
    // NAT64: RFC 6052, section 2.1.
    (Network::v6([0x64, 0xff9b, 0], 96), 0),
];

/// What may be requested: `https` at certain ports and public addresses, unless an operator allows more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// Addresses that may be reached though they are not public, at any port.
    pub allow_networks: Vec<Network>,
    /// Whether `http` may be used, which anybody on the way can read.
    pub allow_http: bool,
    /// The ports that public addresses may be reached at.
    pub ports: Vec<u16>,
}

impl Default for Guard {
    /// `https` at 443 and 8443, public addresses only.
    fn default() -> Self {
        Self { allow_networks: Vec::new(), allow_http: false, ports: vec![443, 8443] }
    }
}

impl Guard {
    /// Judges what can be known of a destination without asking for its addresses: for a first answer to who names it.
    /// [`Guard::check`] is what protects.
    ///
    /// # Errors
    /// `Unfit` says what is wrong with it.
    pub fn inspect(&self, destination: &Destination) -> Result<(), Unfit> {
        if !destination.is_encrypted() && !self.allow_http {
            return Err(Unfit::NotEncrypted);
        }
        let port = destination.port();
        match destination.address() {
            Some(address) => self.check(address, port).map_err(|failure| match failure {
                Failure::ForbiddenPort { port } => Unfit::Port(port),
                _ => Unfit::Address,
            }),
            // An allowed network may be what the name stands for.
            None if self.ports.contains(&port) || !self.allow_networks.is_empty() => Ok(()),
            None => Err(Unfit::Port(port)),
        }
    }

    /// Passes an address that may be connected to.
    ///
    /// # Errors
    /// `ForbiddenAddress`, `ForbiddenPort`.
    pub fn check(&self, address: IpAddr, port: u16) -> Result<(), Failure> {
        let address = address.to_canonical();
        if self.allow_networks.iter().any(|network| network.contains(address)) {
            return Ok(());
        }
        if let Some(range) = reserved(address) {
            return Err(Failure::ForbiddenAddress { range });
        }
        if self.ports.contains(&port) { Ok(()) } else { Err(Failure::ForbiddenPort { port }) }
    }
}

/// What kind of address it is, if it is nobody's on the public internet.
fn reserved(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => reserved_v4(address),
        IpAddr::V6(address) => reserved_v6(address),
    }
}

fn reserved_v4(address: Ipv4Addr) -> Option<&'static str> {
    RESERVED_V4.iter().find(|range| range.network.contains(address.into())).map(|range| range.name)
}

fn reserved_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(carried) = carried(address) {
        return reserved_v4(carried);
    }
    if !GLOBAL_V6.network.contains(address.into()) {
        return Some("not routed");
    }
    RESERVED_V6.iter().find(|range| range.network.contains(address.into())).map(|range| range.name)
}

/// The IPv4 address that a gateway on the way would make of it.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let (_, shift) = CARRIERS.iter().find(|(network, _)| network.contains(address.into()))?;
    let bits = u128::from(address) >> shift;
    Some(Ipv4Addr::from(u32::try_from(bits & u128::from(u32::MAX)).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(address: &str) -> bool {
        let address = address.parse().expect("an address");
        matches!(Guard::default().check(address, 443), Err(Failure::ForbiddenAddress { .. }))
    }

    #[test]
    fn what_lies_inside_is_refused() {
        for address in [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "169.254.169.254",
            "168.63.129.16",
            "192.0.0.192",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "::7f00:1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2002:c0a8:101::1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2001::1",
            "2001:0:7f00:1::",
            "2001:db8::1",
            "3fff::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(refused(address), "{address}");
        }
    }

    #[test]
    fn what_is_public_passes() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.167.255.255",
            "192.169.0.1",
            "169.253.255.255",
            "168.63.129.15",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "2002:808:808::1",
            "64:ff9b::808:808",
        ] {
            assert_eq!(
                Guard::default().check(address.parse().expect("an address"), 443),
                Ok(()),
                "{address}"
            );
        }
    }

    #[test]
    fn an_allowed_network_is_reached_at_any_port_and_nothing_beside_it() {
        let guard =
            Guard { allow_networks: vec!["127.0.0.0/8".parse().expect("a network")], ..Guard::default() };
        for address in ["127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1"] {
            assert_eq!(guard.check(address.parse().expect("an address"), 40_000), Ok(()), "{address}");
        }
        for address in ["10.0.0.1", "::1", "64:ff9b::7f00:1", "2002:7f00:1::"] {
            let checked = guard.check(address.parse().expect("an address"), 443);
            assert!(matches!(checked, Err(Failure::ForbiddenAddress { .. })), "{address}");
        }
        let odd = guard.check("8.8.8.8".parse().expect("an address"), 22);
        assert_eq!(odd, Err(Failure::ForbiddenPort { port: 22 }));
    }

    /// The standard library's own judgement, written by others.
    fn inside(address: Ipv4Addr) -> bool {
        address.is_private()
            || address.is_loopback()
            || address.is_link_local()
            || address.is_broadcast()
            || address.is_documentation()
            || address.is_unspecified()
            || address.is_multicast()
    }

    proptest! {
        #[test]
        fn whatever_the_standard_library_calls_special_is_refused_in_every_guise(bits: u32) {
            let address = Ipv4Addr::from(bits);
            let [a, b, c, d] = address.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let guises: [IpAddr; 4] = [
                address.into(),
                address.to_ipv6_mapped().into(),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1).into(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low).into(),
            ];
            let verdicts = guises.map(|guise| Guard::default().check(guise, 443));
            prop_assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "{:?}", verdicts);
            if inside(address) {
                prop_assert!(verdicts[0].is_err());
            }
        }

        #[test]
        fn private_addresses_are_refused_in_every_guise(last: [u8; 3], network in 0..6_usize) {
            let [b, c, d] = last;
            let address = [
                Ipv4Addr::new(10, b, c, d),
                Ipv4Addr::new(127, b, c, d),
                Ipv4Addr::new(172, 16 | (b & 15), c, d),
                Ipv4Addr::new(192, 168, c, d),
                Ipv4Addr::new(169, 254, c, d),
                Ipv4Addr::new(100, 64 | (b & 63), c, d),
            ][network];
            prop_assert!(Guard::default().check(address.into(), 443).is_err());
            prop_assert!(Guard::default().check(address.to_ipv6_mapped().into(), 443).is_err());
        }

        #[test]
        fn ipv6_outside_of_the_routed_range_is_refused(bits: u128) {
            let address = Ipv6Addr::from(bits);
            let routed = bits >> 125 == 1;
            let translated = address.to_ipv4_mapped().is_some() || bits >> 32 == 0x0064_ff9b_u128 << 64;
            if !routed && !translated {
                prop_assert!(Guard::default().check(address.into(), 443).is_err());
            }
            if address.is_unique_local() || address.is_unicast_link_local() || address.is_multicast() {
                prop_assert!(Guard::default().check(address.into(), 443).is_err());
            }
        }
    }
}

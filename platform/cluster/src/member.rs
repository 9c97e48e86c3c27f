use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use ring::digest;
use serde::{Deserialize, Serialize};
use shoal_types::{NodeId, Timestamp};

use crate::ClusterError;

/// The longest card or pulse, encoded: both go into one packet with room to spare.
const GROUP_BYTES_MAX: usize = 900;

/// A node as the others see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its id, drawn at start.
    pub id: NodeId,
    /// What people call it.
    pub name: Arc<str>,
    /// The version of the program.
    pub version: Arc<str>,
    /// The roles it plays.
    pub roles: Vec<Arc<str>>,
    /// Where it answers calls of other nodes.
    pub peer_address: SocketAddr,
    /// Where it gossips; filled in by [`Cluster::join`](crate::Cluster::join).
    pub gossip_address: SocketAddr,
    /// Whether it takes calls.
    pub state: State,
    /// When its process started, by its own clock.
    pub started_at: Timestamp,
    /// How busy it is.
    pub load: Load,
    /// Until when its certificate is valid.
    pub certificate_until: Option<Timestamp>,
    /// Which shared data it works on; none if it keeps its own.
    pub data: Option<Fingerprint>,
    /// Whether its heartbeats arrive. A node that fell silent is still listed for a while.
    pub alive: bool,
}

impl Member {
    /// A member that is joining, with no load, no certificate and no shared data.
    pub fn new(
        id: NodeId,
        name: impl Into<Arc<str>>,
        version: impl Into<Arc<str>>,
        roles: &[&str],
        peer_address: SocketAddr,
        started_at: Timestamp,
    ) -> Self {
        Self {
            id,
            name: name.into(),
            version: version.into(),
            roles: roles.iter().map(|role| Arc::from(*role)).collect(),
            peer_address,
            gossip_address: peer_address,
            state: State::Joining,
            started_at,
            load: Load::default(),
            certificate_until: None,
            data: None,
            alive: true,
        }
    }

    /// Whether it takes calls: alive and ready.
    pub fn is_available(&self) -> bool {
        self.alive && self.state == State::Ready
    }

    /// The parts that seldom change, encoded.
    pub(crate) fn card(&self) -> Result<Vec<u8>, ClusterError> {
        encode(&Card {
            name: self.name.clone(),
            version: self.version.clone(),
            roles: self.roles.clone(),
            peer_address: self.peer_address,
            gossip_address: self.gossip_address,
            started_at: self.started_at.as_micros(),
            certificate_until: self.certificate_until.map(Timestamp::as_micros),
            data: self.data.map(|data| data.0),
        })
    }

    /// The parts that change each second, encoded.
    pub(crate) fn pulse(&self) -> Result<Vec<u8>, ClusterError> {
        let Load { in_flight, cpu_permille, memory_mib } = self.load;
        encode(&Pulse { state: self.state.code(), in_flight, cpu_permille, memory_mib })
    }

    /// Reads both parts; `None` if they are not of a form this version knows.
    pub(crate) fn decode(id: NodeId, card: &[u8], pulse: &[u8]) -> Option<Self> {
        let card: Card = rmp_serde::from_slice(card).ok()?;
        let pulse: Pulse = rmp_serde::from_slice(pulse).ok()?;
        Some(Self {
            id,
            name: card.name,
            version: card.version,
            roles: card.roles,
            peer_address: card.peer_address,
            gossip_address: card.gossip_address,
            state: State::from_code(pulse.state),
            started_at: Timestamp::from_micros(card.started_at),
            load: Load {
                in_flight: pulse.in_flight,
                cpu_permille: pulse.cpu_permille,
                memory_mib: pulse.memory_mib,
            },
            certificate_until: card.certificate_until.map(Timestamp::from_micros),
            data: card.data.map(Fingerprint),
            alive: true,
        })
    }
}

/// Whether a node takes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has started and is not ready yet.
    Joining,
    /// It takes calls.
    Ready,
    /// It finishes what it has begun and takes nothing new.
    Draining,
}

impl State {
    const fn code(self) -> u8 {
        match self {
            Self::Joining => 0,
            Self::Ready => 1,
            Self::Draining => 2,
        }
    }

    /// A state that only a newer version knows is not one to send calls to.
    const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Joining,
            1 => Self::Ready,
            _ => Self::Draining,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Joining => "joining",
            Self::Ready => "ready",
            Self::Draining => "draining",
        })
    }
}

/// How busy a node is, by its own account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Calls and requests being worked on.
    pub in_flight: u32,
    /// Processor time used of all processors, in thousandths.
    pub cpu_permille: u16,
    /// Resident memory, in MiB.
    pub memory_mib: u32,
}

/// Tells whether two nodes work on the same shared data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// The fingerprint of what identifies the data: the same for the same bytes, and not to be turned back.
    pub fn of(identity: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, identity);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.as_ref()[..16]);
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What seldom changes, as it travels: a map with names of one letter, of which a reader skips those it does not know.
/// So versions N and N+1 understand each other, as long as a letter never changes its meaning.
#[derive(Serialize, Deserialize)]
struct Card {
    #[serde(rename = "n")]
    name: Arc<str>,
    #[serde(rename = "v")]
    version: Arc<str>,
    #[serde(rename = "r")]
    roles: Vec<Arc<str>>,
    #[serde(rename = "p")]
    peer_address: SocketAddr,
    #[serde(rename = "g")]
    gossip_address: SocketAddr,
    #[serde(rename = "s")]
    started_at: i64,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    certificate_until: Option<i64>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    data: Option<[u8; 16]>,
}

/// What changes each second, in the same form.
#[derive(Serialize, Deserialize)]
struct Pulse {
    #[serde(rename = "s")]
    state: u8,
    #[serde(rename = "f", default)]
    in_flight: u32,
    #[serde(rename = "c", default)]
    cpu_permille: u16,
    #[serde(rename = "m", default)]
    memory_mib: u32,
}

fn encode(group: &impl Serialize) -> Result<Vec<u8>, ClusterError> {
    let bytes = rmp_serde::to_vec_named(group).expect("texts and numbers are encoded into memory");
    if bytes.len() > GROUP_BYTES_MAX {
        return Err(ClusterError::TooLarge { bytes: bytes.len() as u64, limit: GROUP_BYTES_MAX as u64 });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use shoal_types::Env;

    use super::*;

    fn member() -> Member {
        let env = Env::system();
        let address = "127.0.0.1:7000".parse().expect("valid");
        let mut member =
            Member::new(NodeId::new(&env), "pike", "0.1.0", &["users", "orders"], address, env.now());
        member.data = Some(Fingerprint::of(b"postgres://shop"));
        member.load = Load { in_flight: 3, cpu_permille: 400, memory_mib: 60 };
        member
    }

    #[test]
    fn a_member_is_read_as_it_was_written() {
        let member = member();
        let (card, pulse) = (member.card().expect("small"), member.pulse().expect("small"));
        assert!(card.len() < 130, "{}", card.len());
        assert!(pulse.len() < 20, "{}", pulse.len());
        assert_eq!(Member::decode(member.id, &card, &pulse), Some(member));
    }

    #[test]
    fn fields_and_states_of_a_newer_version_are_passed_over() {
        #[derive(Serialize)]
        struct Newer {
            s: u8,
            f: u32,
            zones: Vec<&'static str>,
        }
        let newer = Newer { s: 9, f: 5, zones: vec!["east"] };
        let pulse = rmp_serde::to_vec_named(&newer).expect("encodes");
        let member = member();
        let read = Member::decode(member.id, &member.card().expect("small"), &pulse).expect("understood");
        assert_eq!((read.state, read.load.in_flight, read.load.memory_mib), (State::Draining, 5, 0));
    }

    #[test]
    fn a_member_with_a_novel_for_a_name_is_refused() {
        let mut member = member();
        member.name = "x".repeat(2_000).into();
        assert!(matches!(member.card(), Err(ClusterError::TooLarge { .. })));
    }
}

use std::collections::HashMap;
use std::time::Duration;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce};
use shoal_types::{Env, Timestamp};
use uuid::Uuid;

use super::keys::{GossipKey, KeyRing};
use super::window::Window;
use super::{
    COUNTER, HEADER, KEY_ID, MAGIC, NODE, OVERHEAD, PACKET_MAX, PROTOCOL, SALT, SALT_AT, SENT_AT, TAG,
};
use shoal_types::NodeId;

/// How far a sender's clock may be from ours.
const SKEW_MAX: Duration = Duration::from_secs(30);
/// A sender silent for longer is forgotten. Its packets could not be sent again: they are too old by then, even if it
/// was 30 s ahead of us.
const FORGET_AFTER: Duration = Duration::from_secs(90);
/// Senders remembered at a time, each about 600 bytes.
const SENDERS_MAX: usize = 2_048;

/// Seals packets of this node and opens those of others.
pub(crate) struct Sealer {
    cluster: Uuid,
    node: NodeId,
    salt: [u8; SALT],
    /// Counts on over changes of keys, so it never repeats under any of them.
    counter: u64,
    keys: Vec<Key>,
    senders: HashMap<([u8; KEY_ID], [u8; SALT]), Sender>,
}

/// A key of the ring, and what this process seals with under it.
struct Key {
    id: [u8; KEY_ID],
    shared: GossipKey,
    own: LessSafeKey,
}

struct Sender {
    key: LessSafeKey,
    window: Window,
    heard_at: Timestamp,
    /// Whether it was said that its clock is off.
    warned: bool,
}

/// What a packet held.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) node: NodeId,
    pub(crate) payload: Vec<u8>,
}

/// Why a packet was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Garbage,
    Version(u8),
    Foreign,
    Forged,
    Replayed,
    /// `first` once for each sender.
    Clock {
        node: NodeId,
        sent_at: Timestamp,
        now: Timestamp,
        first: bool,
    },
    Crowded,
    /// It is our own packet.
    Own,
}

impl Sealer {
    pub(crate) fn new(cluster: Uuid, node: NodeId, keys: &KeyRing, env: &Env) -> Self {
        let mut salt = [0; SALT];
        env.rng().fill(&mut salt);
        let mut sealer = Self { cluster, node, salt, counter: 0, keys: Vec::new(), senders: HashMap::new() };
        sealer.swap(keys);
        sealer
    }

    /// Takes another ring. Senders under keys that are still on it stay known.
    pub(crate) fn swap(&mut self, ring: &KeyRing) {
        let shared = std::iter::once(&ring.first).chain(&ring.second);
        self.keys = shared
            .map(|shared| Key {
                id: shared.id(self.cluster),
                shared: shared.clone(),
                own: shared.derive(self.cluster, &self.salt),
            })
            .collect();
        let keys = &self.keys;
        self.senders.retain(|(id, _), _| keys.iter().any(|key| key.id == *id));
    }

    /// A packet with `payload`, which must leave room for [`OVERHEAD`].
    pub(crate) fn seal(&mut self, payload: &[u8], now: Timestamp) -> Vec<u8> {
        let key = self.keys.first().expect("a ring has a key");
        let mut packet = Vec::with_capacity(payload.len() + OVERHEAD);
        packet.extend_from_slice(&MAGIC);
        packet.push(PROTOCOL);
        packet.extend_from_slice(&key.id);
        packet.extend_from_slice(&self.salt);
        packet.extend_from_slice(&self.counter.to_be_bytes());
        packet.extend_from_slice(&now.as_micros().to_be_bytes());
        packet.extend_from_slice(self.node.uuid().as_bytes());
        packet.extend_from_slice(payload);
        let aad = aad(&packet[..HEADER], self.cluster);
        let tag = key
            .own
            .seal_in_place_separate_tag(nonce(self.counter), Aad::from(aad), &mut packet[HEADER..])
            .expect("a packet is shorter than the cipher's limit");
        packet.extend_from_slice(tag.as_ref());
        self.counter += 1;
        packet
    }

    /// Opens a packet that came in at `now`.
    pub(crate) fn open(&mut self, packet: &[u8], now: Timestamp) -> Result<Opened, Refusal> {
        let header = Header::read(packet)?;
        if header.salt == self.salt {
            return Err(Refusal::Own);
        }
        let key = self.keys.iter().find(|key| key.id == header.key).ok_or(Refusal::Foreign)?;
        let place = (header.key, header.salt);
        if !self.senders.contains_key(&place) {
            // Only who knows the key gets a place in the table: its first packet must open before it is noted.
            let derived = key.shared.derive(self.cluster, &header.salt);
            decrypt(&derived, &header, packet, self.cluster)?;
            self.make_room(now)?;
            let sender = Sender { key: derived, window: Window::default(), heard_at: now, warned: false };
            self.senders.insert(place, sender);
        }
        let sender = self.senders.get_mut(&place).ok_or(Refusal::Crowded)?;
        let plain = decrypt(&sender.key, &header, packet, self.cluster)?;
        let (sent_at, node, payload) = split(&plain).ok_or(Refusal::Garbage)?;
        if !sender.window.admit(header.counter) {
            return Err(Refusal::Replayed);
        }
        sender.heard_at = now;
        if sent_at.since(now).max(now.since(sent_at)) > SKEW_MAX {
            let first = !std::mem::replace(&mut sender.warned, true);
            return Err(Refusal::Clock { node, sent_at, now, first });
        }
        Ok(Opened { node, payload: payload.to_vec() })
    }

    fn make_room(&mut self, now: Timestamp) -> Result<(), Refusal> {
        if self.senders.len() >= SENDERS_MAX {
            self.senders.retain(|_, sender| now.since(sender.heard_at) <= FORGET_AFTER);
        }
        if self.senders.len() >= SENDERS_MAX { Err(Refusal::Crowded) } else { Ok(()) }
    }
}

/// What stands before the sealed part.
struct Header {
    key: [u8; KEY_ID],
    salt: [u8; SALT],
    counter: u64,
}

impl Header {
    fn read(packet: &[u8]) -> Result<Self, Refusal> {
        let rest = packet.strip_prefix(&MAGIC).ok_or(Refusal::Garbage)?;
        match rest.first() {
            Some(&PROTOCOL) => {}
            Some(&other) => return Err(Refusal::Version(other)),
            None => return Err(Refusal::Garbage),
        }
        if packet.len() < OVERHEAD || packet.len() > PACKET_MAX {
            return Err(Refusal::Garbage);
        }
        Ok(Self {
            key: take(packet, MAGIC.len() + 1).ok_or(Refusal::Garbage)?,
            salt: take(packet, SALT_AT).ok_or(Refusal::Garbage)?,
            counter: u64::from_be_bytes(take::<COUNTER>(packet, SALT_AT + SALT).ok_or(Refusal::Garbage)?),
        })
    }
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn aad(header: &[u8], cluster: Uuid) -> Vec<u8> {
    [header, cluster.as_bytes()].concat()
}

fn nonce(counter: u64) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[NONCE_LEN - COUNTER..].copy_from_slice(&counter.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

fn decrypt(key: &LessSafeKey, header: &Header, packet: &[u8], cluster: Uuid) -> Result<Vec<u8>, Refusal> {
    debug_assert_eq!(CHACHA20_POLY1305.tag_len(), TAG);
    let aad = aad(&packet[..HEADER], cluster);
    let mut sealed = packet[HEADER..].to_vec();
    let length = key
        .open_in_place(nonce(header.counter), Aad::from(aad), &mut sealed)
        .map_err(|_| Refusal::Forged)?
        .len();
    sealed.truncate(length);
    Ok(sealed)
}

fn split(plain: &[u8]) -> Option<(Timestamp, NodeId, &[u8])> {
    let sent_at = Timestamp::from_micros(i64::from_be_bytes(take::<SENT_AT>(plain, 0)?));
    let node = NodeId::from_uuid(Uuid::from_bytes(take::<NODE>(plain, SENT_AT)?));
    Some((sent_at, node, plain.get(SENT_AT + NODE..)?))
}

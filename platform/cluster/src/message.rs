//! What nodes say to each other: what they know, how fresh it is, and what the other does not know yet.

use std::sync::Arc;

use uuid::Uuid;

use crate::seal::{OVERHEAD, PACKET_MAX};
use shoal_types::NodeId;

/// The longest message, encoded, in bytes.
pub(crate) const MESSAGE_MAX: usize = PACKET_MAX - OVERHEAD;

/// A message. An exchange is at most `Ask`, `Answer`, `Tell`; a `Tell` also comes unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) items: Vec<Item>,
    pub(crate) entries: Vec<Entry>,
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// "This is all I know of keys in this range, both ends included; what do you know better?"
    Ask { from: u64, to: u64 },
    /// "This I know better; of those items that are behind yours, tell me."
    Answer,
    /// "This you do not know."
    Tell,
}

/// How fresh the sender's knowledge of a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) key: u64,
    pub(crate) heartbeat: u64,
    pub(crate) version: u64,
}

/// What the sender knows of a node: at least all that changed since the receiver's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: NodeId,
    pub(crate) heartbeat: u64,
    pub(crate) version: u64,
    /// It has left and never comes back under this id.
    pub(crate) gone: bool,
    pub(crate) card: Option<Group>,
    pub(crate) pulse: Option<Group>,
}

/// Values that change together, encoded, and the version of the node at which they did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) version: u64,
    pub(crate) bytes: Arc<[u8]>,
}

impl Message {
    /// An unasked message.
    pub(crate) fn tell(entries: Vec<Entry>) -> Self {
        Self { kind: Kind::Tell, items: Vec::new(), entries }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(MESSAGE_MAX);
        match self.kind {
            Kind::Ask { from, to } => {
                out.push(1);
                out.extend_from_slice(&from.to_be_bytes());
                out.extend_from_slice(&to.to_be_bytes());
            }
            Kind::Answer => out.push(2),
            Kind::Tell => out.push(3),
        }
        put(&mut out, self.items.len() as u64);
        self.items.iter().for_each(|item| item.encode(&mut out));
        put(&mut out, self.entries.len() as u64);
        self.entries.iter().for_each(|entry| entry.encode(&mut out));
        out
    }

    /// Reads a message; `None` if it is not one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let kind = match reader.byte()? {
            1 => Kind::Ask { from: reader.u64()?, to: reader.u64()? },
            2 => Kind::Answer,
            3 => Kind::Tell,
            _ => return None,
        };
        // The counts are the sender's word: nothing is reserved for them, the bytes run out first.
        let (mut items, mut entries) = (Vec::new(), Vec::new());
        for _ in 0..reader.number()? {
            items.push(Item::decode(&mut reader)?);
        }
        for _ in 0..reader.number()? {
            entries.push(Entry::decode(&mut reader)?);
        }
        Some(Self { kind, items, entries })
    }
}

impl Item {
    pub(crate) fn bytes(&self) -> usize {
        8 + width(self.heartbeat) + width(self.version)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.to_be_bytes());
        put(out, self.heartbeat);
        put(out, self.version);
    }

    fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { key: reader.u64()?, heartbeat: reader.number()?, version: reader.number()? })
    }
}

impl Entry {
    const HAS_CARD: u8 = 1;
    const HAS_PULSE: u8 = 2;
    const GONE: u8 = 4;

    pub(crate) fn bytes(&self) -> usize {
        let group = |group: &Option<Group>| {
            group
                .as_ref()
                .map_or(0, |group| width(group.version) + width(group.bytes.len() as u64) + group.bytes.len())
        };
        16 + width(self.heartbeat) + width(self.version) + 1 + group(&self.card) + group(&self.pulse)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.id.uuid().as_bytes());
        put(out, self.heartbeat);
        put(out, self.version);
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        out.push(
            flag(self.card.is_some(), Self::HAS_CARD)
                | flag(self.pulse.is_some(), Self::HAS_PULSE)
                | flag(self.gone, Self::GONE),
        );
        for group in self.card.iter().chain(&self.pulse) {
            put(out, group.version);
            put(out, group.bytes.len() as u64);
            out.extend_from_slice(&group.bytes);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let id = NodeId::from_uuid(Uuid::from_bytes(*reader.take(16)?.first_chunk()?));
        let (heartbeat, version, flags) = (reader.number()?, reader.number()?, reader.byte()?);
        let card = if flags & Self::HAS_CARD == 0 { None } else { Some(Group::decode(reader)?) };
        let pulse = if flags & Self::HAS_PULSE == 0 { None } else { Some(Group::decode(reader)?) };
        Some(Self { id, heartbeat, version, gone: flags & Self::GONE != 0, card, pulse })
    }
}

impl Group {
    fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let version = reader.number()?;
        let length = usize::try_from(reader.number()?).ok()?;
        Some(Self { version, bytes: reader.take(length)?.into() })
    }
}

/// Writes a number in seven-bit groups, lowest first (LEB128): small ones take a byte.
fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The bytes [`put`] takes for a number.
fn width(number: u64) -> usize {
    let bits = (64 - number.leading_zeros()).max(1);
    bits.div_ceil(7) as usize
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits.leading_zeros() < shift {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![0_u64..300, any::<u64>(), Just(u64::MAX)]
    }

    fn group() -> impl Strategy<Value = Option<Group>> {
        let bytes = prop::collection::vec(any::<u8>(), 0..200);
        prop::option::of(
            (number(), bytes).prop_map(|(version, bytes)| Group { version, bytes: bytes.into() }),
        )
    }

    fn entry() -> impl Strategy<Value = Entry> {
        (any::<u128>(), number(), number(), any::<bool>(), group(), group()).prop_map(
            |(id, heartbeat, version, gone, card, pulse)| Entry {
                id: NodeId::from_uuid(Uuid::from_u128(id)),
                heartbeat,
                version,
                gone,
                card,
                pulse,
            },
        )
    }

    fn message() -> impl Strategy<Value = Message> {
        let kind = prop_oneof![
            (any::<u64>(), any::<u64>()).prop_map(|(from, to)| Kind::Ask { from, to }),
            Just(Kind::Answer),
            Just(Kind::Tell),
        ];
        let item = (any::<u64>(), number(), number()).prop_map(|(key, heartbeat, version)| Item {
            key,
            heartbeat,
            version,
        });
        (kind, prop::collection::vec(item, 0..20), prop::collection::vec(entry(), 0..5))
            .prop_map(|(kind, items, entries)| Message { kind, items, entries })
    }

    proptest! {
        #[test]
        fn a_message_is_read_as_it_was_written(message in message()) {
            let bytes = message.encode();
            let items: usize = message.items.iter().map(Item::bytes).sum();
            let entries: usize = message.entries.iter().map(Entry::bytes).sum();
            let head = if matches!(message.kind, Kind::Ask { .. }) { 17 } else { 1 };
            prop_assert_eq!(bytes.len(), head + 1 + items + 1 + entries);
            prop_assert_eq!(Message::decode(&bytes), Some(message));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..1500)) {
            let _ = Message::decode(&bytes);
        }

        #[test]
        fn a_damaged_message_is_read_or_refused(message in message(), at in any::<usize>(), bit in 0..8_u8) {
            let mut bytes = message.encode();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let _ = Message::decode(&bytes);
            let _ = Message::decode(&bytes[..at]);
        }
    }
}

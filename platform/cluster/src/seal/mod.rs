//! Packets nobody else can read, change or send again.
//!
//! A packet is `"SG" | protocol version | key id (4) | salt (32) | counter (8) | sealed(sent at (8) | node (16) | payload) |
//! tag (16)`. It is sealed with ChaCha20-Poly1305; what stands before is authenticated along with the cluster's id.
//!
//! The nonce must never repeat under one key, and the key of the ring is shared by all nodes and outlives their
//! restarts, so a random nonce of 96 bits would not do and a counter would begin anew. Therefore each process draws a
//! salt of 256 bits at its start and seals with a key of its own, HKDF-SHA256(ring key, salt, cluster id), under which
//! it counts its packets. Salts do not meet by chance, and 2^64 packets are more than a process sends.
//!
//! Against replay a receiver remembers for each sender's salt the counters seen, 128 back, and refuses a packet sent
//! more than 30 s before or after its own clock. A sender is forgotten only after a silence longer than that.

mod keys;
mod sealer;
#[cfg(test)]
mod tests;
mod window;

pub use keys::{GossipKey, KeyRing};
pub(crate) use sealer::{Refusal, Sealer};

/// What sealing adds to a payload, in bytes.
pub(crate) const OVERHEAD: usize = HEADER + SENT_AT + NODE + TAG;
/// The largest packet, in bytes. With the headers of IPv6 and UDP it fits through the narrowest usual link, a
/// WireGuard tunnel of 1420 bytes, in one piece: a packet in pieces is lost with any of them.
pub(crate) const PACKET_MAX: usize = 1_372;

const MAGIC: [u8; 2] = *b"SG";
const PROTOCOL: u8 = 1;
const KEY_ID: usize = 4;
const SALT: usize = 32;
const COUNTER: usize = 8;
const SALT_AT: usize = MAGIC.len() + 1 + KEY_ID;
const HEADER: usize = SALT_AT + SALT + COUNTER;
const SENT_AT: usize = 8;
const NODE: usize = 16;
const TAG: usize = 16;

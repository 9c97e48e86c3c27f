/// What has crossed the wire since the node joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets sent.
    pub sent_packets: u64,
    /// Bytes sent, sealed, without the headers of UDP and IP.
    pub sent_bytes: u64,
    /// Packets received, refused ones included.
    pub received_packets: u64,
    /// Bytes received, refused ones included.
    pub received_bytes: u64,
    /// Packets that the operating system did not take or could not deliver.
    pub failed: u64,
    /// Packets received and refused, by reason.
    pub refused: Refused,
}

/// Packets refused, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused {
    /// Not a packet of ours at all.
    pub garbage: u64,
    /// A packet of a protocol version this node does not speak.
    pub version: u64,
    /// Sealed with a key that is not on the ring: a wrong secret, or another cluster.
    pub foreign: u64,
    /// Sealed with a key we know, but changed on the way or made up.
    pub forged: u64,
    /// Seen before.
    pub replayed: u64,
    /// Sent at another time than ours: a clock is off, or it is an old packet sent again.
    pub clock: u64,
    /// From more senders than a node listens to.
    pub crowded: u64,
    /// Opened, and its content not understood.
    pub malformed: u64,
}

impl Refused {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.garbage
            + self.version
            + self.foreign
            + self.forged
            + self.replayed
            + self.clock
            + self.crowded
            + self.malformed
    }
}

use std::net::SocketAddr;

use crate::seal::Refusal;

/// Ticks until the same complaint is made again; about ten minutes.
const AGAIN_AFTER: u64 = 3_000;
/// Ticks alone until that is said; about ten seconds.
const ALONE_FOR: u64 = 50;

/// Says in the log what is wrong, each thing once in a while: a flood of packets is not a flood of lines.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    garbage_at: Option<u64>,
    version_at: Option<u64>,
    foreign_at: Option<u64>,
    forged_at: Option<u64>,
    crowded_at: Option<u64>,
    alone_since: Option<u64>,
    alone_at: Option<u64>,
    last_alone: u64,
}

impl Complaints {
    pub(super) fn hear(&mut self, refusal: Refusal, from: SocketAddr, tick: u64) {
        match refusal {
            Refusal::Garbage if due(&mut self.garbage_at, tick) => {
                tracing::warn!(%from, "gossip refused: not a packet of ours");
            }
            Refusal::Version(version) if due(&mut self.version_at, tick) => {
                tracing::warn!(%from, version, "gossip refused: a protocol version this node does not speak");
            }
            Refusal::Foreign if due(&mut self.foreign_at, tick) => {
                tracing::warn!(%from, "gossip refused: sealed with a key we do not have, \
                    so from another cluster or with a wrong secret");
            }
            Refusal::Forged if due(&mut self.forged_at, tick) => {
                tracing::warn!(%from, "gossip refused: the packet was changed on its way or made up");
            }
            Refusal::Crowded if due(&mut self.crowded_at, tick) => {
                tracing::warn!(%from, "gossip refused: more senders than a node listens to");
            }
            Refusal::Clock { node, sent_at, now, first: true } => {
                let apart_s = sent_at.since(now).max(now.since(sent_at)).as_secs();
                tracing::warn!(%from, %node, their_clock = %sent_at, our_clock = %now, apart_s,
                    "gossip refused: the clocks are apart; set the one that is wrong");
            }
            _ => {}
        }
    }

    /// There are seeds, and none has answered by this tick.
    pub(super) fn alone(&mut self, tick: u64) {
        if tick > self.last_alone + 1 {
            self.alone_since = None;
        }
        self.last_alone = tick;
        let since = *self.alone_since.get_or_insert(tick);
        if tick - since >= ALONE_FOR && due(&mut self.alone_at, tick) {
            tracing::warn!(
                "no seed answers: is a node up there, and are the secret and the clocks the same?"
            );
        }
    }
}

/// Whether it is time to say it, noting that it was said.
fn due(said_at: &mut Option<u64>, tick: u64) -> bool {
    let due = said_at.is_none_or(|at| tick >= at + AGAIN_AFTER);
    if due {
        *said_at = Some(tick);
    }
    due
}

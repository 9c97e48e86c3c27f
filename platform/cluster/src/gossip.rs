//! The task that gossips.

mod complaints;
mod round;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use shoal_types::Env;
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval};

use self::complaints::Complaints;
use crate::message::Message;
use crate::seal::{PACKET_MAX, Refusal, Sealer};
use crate::table::{Change, Table};
use crate::{Counts, Directory, Link};

/// What the task and the handle share. No lock is held while waiting.
pub(crate) struct Gossip {
    pub(crate) env: Env,
    pub(crate) link: Arc<dyn Link>,
    pub(crate) directory: Directory,
    pub(crate) own_address: SocketAddr,
    pub(crate) seeds: watch::Receiver<Vec<SocketAddr>>,
    /// A change that the others should hear of at once.
    pub(crate) urgent: Notify,
    pub(crate) ticks: watch::Sender<u64>,
    pub(crate) table: Mutex<Table>,
    pub(crate) sealer: Mutex<Sealer>,
    pub(crate) counts: Mutex<Counts>,
    pub(crate) complaints: Mutex<Complaints>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics while holding what gossip shares")
}

impl Gossip {
    pub(crate) fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.table)
    }

    pub(crate) fn sealer(&self) -> MutexGuard<'_, Sealer> {
        lock(&self.sealer)
    }

    pub(crate) fn counts(&self) -> MutexGuard<'_, Counts> {
        lock(&self.counts)
    }

    /// Gossips until it is aborted.
    pub(crate) async fn run(self: Arc<Self>, every: Duration) {
        let mut clock = interval(every);
        // A process that was held up does not make up for the rounds it missed.
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut buffer = vec![0; PACKET_MAX + 1];
        let mut deaf = false;
        loop {
            tokio::select! {
                // A flood of packets must not keep the node from telling that it lives.
                biased;
                _ = clock.tick() => {
                    deaf = false;
                    self.round().await;
                }
                () = self.urgent.notified() => self.tell(round::URGENT_MAX).await,
                received = self.link.receive(&mut buffer), if !deaf => match received {
                    Ok((length, from)) => self.take(&buffer[..length], from).await,
                    Err(error) => {
                        tracing::debug!(%error, "gossip packet cannot be received");
                        self.counts().failed += 1;
                        // Should it go on, it goes on once a tick.
                        deaf = true;
                    }
                },
            }
        }
    }

    /// Takes in a packet and answers it.
    async fn take(&self, packet: &[u8], from: SocketAddr) {
        {
            let mut counts = self.counts();
            counts.received_packets += 1;
            counts.received_bytes += packet.len() as u64;
        }
        let opened = self.sealer().open(packet, self.env.now());
        let payload = match opened {
            Ok(opened) => opened.payload,
            Err(refusal) => return self.refuse(refusal, from).await,
        };
        let Some(message) = Message::decode(&payload) else {
            self.counts().refused.malformed += 1;
            return;
        };
        let turn = self.env.rng().below(u32::MAX);
        let replies = {
            let mut table = self.table();
            let replies = table.respond(message, turn);
            self.counts().refused.malformed += table.take_unreadable();
            self.publish(&mut table, Change::Membership);
            replies
        };
        for reply in &replies {
            self.send(from, reply).await;
        }
    }

    async fn refuse(&self, refusal: Refusal, from: SocketAddr) {
        self.count(refusal);
        lock(&self.complaints).hear(refusal, from, *self.ticks.borrow());
        // Who has the key and another time is told ours once, so that both sides say that a clock is off.
        if let Refusal::Clock { first: true, .. } = refusal {
            self.send(from, &Message::tell(Vec::new())).await;
        }
    }

    fn count(&self, refusal: Refusal) {
        let refused = &mut self.counts().refused;
        let count = match refusal {
            Refusal::Garbage => &mut refused.garbage,
            Refusal::Version(_) => &mut refused.version,
            Refusal::Foreign => &mut refused.foreign,
            Refusal::Forged => &mut refused.forged,
            Refusal::Replayed => &mut refused.replayed,
            Refusal::Clock { .. } => &mut refused.clock,
            Refusal::Crowded => &mut refused.crowded,
            // A seed that turned out to be this node.
            Refusal::Own => return,
        };
        *count += 1;
    }

    /// Shows the table to the readers of the directory if as much as `at_least` has changed.
    pub(crate) fn publish(&self, table: &mut Table, at_least: Change) {
        if table.take_change(at_least) {
            self.directory.publish(table.members());
        }
    }

    async fn send(&self, to: SocketAddr, message: &Message) {
        let packet = self.sealer().seal(&message.encode(), self.env.now());
        let sent = self.link.send(to, &packet).await;
        let mut counts = self.counts();
        match sent {
            Ok(()) => {
                counts.sent_packets += 1;
                counts.sent_bytes += packet.len() as u64;
            }
            Err(error) => {
                counts.failed += 1;
                tracing::debug!(%error, %to, "gossip packet cannot be sent");
            }
        }
    }
}

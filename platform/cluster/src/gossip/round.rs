use std::net::SocketAddr;

use super::{Gossip, lock};
use crate::message::Message;
use crate::table::{Change, Contacts};

/// Nodes told at once of an urgent change; the others hear of it in the next rounds.
pub(super) const URGENT_MAX: usize = 16;
/// Every so many ticks a seed and a silent node are asked too: a network that fell apart grows together that way.
const SEEK_EVERY: u64 = 5;
/// Ticks after its start in which a node asks others than seeds if it knows any. When many start at once the seeds are
/// what all of them know, and would be asked by all of them.
const SPARE_SEEDS_FOR: u64 = 25;
/// Seeds asked at a time by a node that knows nobody.
const SEEDS_AT_ONCE: usize = 8;

/// How many nodes are asked in a round. Few nodes can afford to talk to more of the others; with many, one question
/// a round spreads news quickly enough, and each question is longer.
const fn fanout(others: usize) -> usize {
    match others {
        0..=24 => 3,
        25..=48 => 2,
        _ => 1,
    }
}

impl Gossip {
    /// Lets a tick pass and asks a few nodes what they know.
    pub(super) async fn round(&self) {
        self.ticks.send_modify(|tick| *tick += 1);
        let tick = *self.ticks.borrow();
        let (questions, contacts) = {
            let mut table = self.table();
            let round = table.advance();
            self.publish(&mut table, Change::Load);
            if !round || table.has_left() {
                return;
            }
            (table.ask(), table.contacts())
        };
        if contacts.alive.is_empty() && !self.seeds.borrow().is_empty() {
            lock(&self.complaints).alone(tick);
        }
        for address in self.choose(&contacts, tick) {
            for question in &questions {
                self.send(address, question).await;
            }
        }
    }

    /// Tells up to `most` living nodes all about this one.
    pub(crate) async fn tell(&self, most: usize) {
        let (entry, mut alive) = {
            let table = self.table();
            (table.own_entry(), table.contacts().alive)
        };
        let news = Message::tell(vec![entry]);
        for address in self.draw(&mut alive, most) {
            self.send(address, &news).await;
        }
    }

    fn choose(&self, contacts: &Contacts, tick: u64) -> Vec<SocketAddr> {
        let seeds = self.seeds.borrow().clone();
        let mut alive = contacts.alive.clone();
        if tick < SPARE_SEEDS_FOR && alive.iter().any(|address| !seeds.contains(address)) {
            alive.retain(|address| !seeds.contains(address));
        }
        let mut chosen = self.draw(&mut alive, fanout(contacts.alive.len()));
        let mut strangers = seeds;
        strangers.retain(|seed| *seed != self.own_address && !contacts.alive.contains(seed));
        if contacts.alive.is_empty() {
            chosen.extend(self.draw(&mut strangers, SEEDS_AT_ONCE));
        } else if tick.is_multiple_of(SEEK_EVERY) {
            chosen.extend(self.draw(&mut strangers, 1));
        }
        if tick.is_multiple_of(SEEK_EVERY) {
            chosen.extend(self.draw(&mut contacts.silent.clone(), 1));
        }
        chosen
    }

    /// Draws up to `most` of the addresses, each at most once.
    fn draw(&self, addresses: &mut Vec<SocketAddr>, most: usize) -> Vec<SocketAddr> {
        let mut drawn = Vec::new();
        while drawn.len() < most && !addresses.is_empty() {
            let bound = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
            drawn.push(addresses.swap_remove(self.env.rng().below(bound) as usize));
        }
        drawn
    }
}

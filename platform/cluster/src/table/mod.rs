//! What a node knows of all others, and how two nodes bring each other up to date. No I/O, no clock: time is a count
//! of ticks.

mod detector;
mod exchange;
mod graveyard;
mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use self::detector::Detector;
use self::graveyard::Graveyard;
use self::record::{Record, Standing, key};
use crate::message::{Entry, Item};
use crate::{ClusterError, Member};

pub(crate) use self::record::Change;

/// Nodes known at a time, silent and gone ones included.
const MEMBERS_MAX: usize = 1_024;
/// A node that is superseded at its address is believed dead until it is heard this many heartbeats later.
const STALE_HEARTBEATS: u64 = 10;
/// One round takes place for so many nodes in each tick; with twice as many, every second tick.
pub(crate) const NODES_PER_ROUND: u64 = 100;

/// When to give a node up, in ticks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) phi: f64,
    /// Until a silent node is forgotten.
    pub(crate) forget_after: u64,
    /// How long it is told that a node has left.
    pub(crate) gone_for: u64,
}

/// All nodes by key, this one among them.
#[derive(Debug)]
pub(crate) struct Table {
    own: u64,
    records: BTreeMap<u64, Record>,
    graveyard: Graveyard,
    patience: Patience,
    tick: u64,
    change: Change,
    unreadable: u64,
    allowance: exchange::Allowance,
}

/// Whom to talk to.
#[derive(Debug, Default)]
pub(crate) struct Contacts {
    pub(crate) alive: Vec<SocketAddr>,
    pub(crate) silent: Vec<SocketAddr>,
}

impl Table {
    pub(crate) fn new(me: Member, patience: Patience) -> Result<Self, ClusterError> {
        let own = key(me.id);
        let records = BTreeMap::from([(own, Record::own(me)?)]);
        let graveyard = Graveyard::default();
        Ok(Self {
            own,
            records,
            graveyard,
            patience,
            tick: 0,
            change: Change::Nothing,
            unreadable: 0,
            allowance: exchange::Allowance::default(),
        })
    }

    fn own(&self) -> &Record {
        &self.records[&self.own]
    }

    fn own_mut(&mut self) -> &mut Record {
        self.records.get_mut(&self.own).expect("the own record is never removed")
    }

    /// Changes what this node tells about itself; without effect once it has left.
    pub(crate) fn update(&mut self, change: impl FnOnce(&mut Member)) -> Result<Change, ClusterError> {
        if self.own().is_gone() {
            return Ok(Change::Nothing);
        }
        let changed = self.own_mut().update(change)?;
        self.change = self.change.max(changed);
        Ok(changed)
    }

    /// Notes that this node leaves.
    pub(crate) fn leave(&mut self) {
        let tick = self.tick;
        self.own_mut().leave(tick);
        self.change = Change::Membership;
    }

    pub(crate) fn has_left(&self) -> bool {
        self.own().is_gone()
    }

    /// All there is to tell about this node.
    pub(crate) fn own_entry(&self) -> Entry {
        self.own().entry(0)
    }

    /// Lets a tick pass: notices who has fallen silent, forgets who was so for long. True if it is time for a round.
    pub(crate) fn advance(&mut self) -> bool {
        self.tick += 1;
        self.allowance.refill();
        for key in self.overdue() {
            self.give_up(key);
        }
        let beat = self.ticks_per_round();
        let round = self.tick.is_multiple_of(beat);
        if round {
            self.own_mut().heartbeat += 1;
        }
        // Who was asked by all at once has heard of all, and makes up for what it told by asking less.
        round && (!self.allowance.is_overdrawn() || (self.tick / beat).is_multiple_of(2))
    }

    fn ticks_per_round(&self) -> u64 {
        (self.records.len() as u64).div_ceil(NODES_PER_ROUND)
    }

    fn overdue(&self) -> Vec<u64> {
        let beat = self.ticks_per_round();
        let overdue = |record: &Record| match record.standing {
            Standing::Alive => record.detector.phi(self.tick, beat) > self.patience.phi,
            Standing::Silent(since) => self.tick - since >= self.patience.forget_after,
            Standing::Gone(since) => self.tick - since >= self.patience.gone_for,
        };
        let others = self.records.iter().filter(|(key, _)| **key != self.own);
        others.filter(|(_, record)| overdue(record)).map(|(key, _)| *key).collect()
    }

    fn give_up(&mut self, key: u64) {
        let Some(record) = self.records.get_mut(&key) else { return };
        match record.standing {
            Standing::Alive => {
                tracing::info!(node = %record.member.id, name = %record.member.name, "node has fallen silent");
                record.set_standing(Standing::Silent(self.tick));
            }
            Standing::Silent(_) => {
                let heartbeat = record.heartbeat;
                self.bury(key, heartbeat);
            }
            Standing::Gone(_) => self.bury(key, u64::MAX),
        }
        self.change = Change::Membership;
    }

    fn bury(&mut self, key: u64, heartbeat: u64) {
        self.records.remove(&key);
        self.graveyard.bury(key, heartbeat);
        self.change = Change::Membership;
    }

    /// Takes notice of a heartbeat of another node.
    fn hear(&mut self, item: &Item) {
        let Some(record) = self.records.get_mut(&item.key) else { return };
        if item.key == self.own || item.heartbeat <= record.heartbeat || record.is_gone() {
            return;
        }
        record.heartbeat = item.heartbeat;
        record.detector.heard(self.tick);
        if !record.is_alive() {
            tracing::info!(node = %record.member.id, name = %record.member.name, "node is heard again");
            record.set_standing(Standing::Alive);
            self.change = Change::Membership;
        }
    }

    /// Takes notice of what is told about another node.
    fn learn(&mut self, entry: Entry) {
        let key = key(entry.id);
        if key == self.own || self.graveyard.holds(key, entry.heartbeat) {
            return;
        }
        self.hear(&Item { key, heartbeat: entry.heartbeat, version: entry.version });
        let Some(record) = self.records.get_mut(&key) else { return self.meet(key, entry) };
        match record.adopt(entry, self.tick) {
            Some(change) => self.change = self.change.max(change),
            None => self.unreadable += 1,
        }
    }

    /// Takes in a node heard of for the first time.
    fn meet(&mut self, key: u64, entry: Entry) {
        if entry.gone {
            return self.graveyard.bury(key, u64::MAX);
        }
        let whole = entry.card.is_some() && entry.pulse.is_some();
        if !whole || self.records.len() >= MEMBERS_MAX {
            return;
        }
        let Some(record) = Record::new(entry, Detector::new(self.tick)) else {
            self.unreadable += 1;
            return;
        };
        tracing::info!(node = %record.member.id, name = %record.member.name, "node has joined");
        self.records.insert(key, record);
        self.change = Change::Membership;
        self.settle_address(key);
    }

    /// Of two nodes at one address, one is the restart of the other: the one that started first is buried. If the
    /// clock stood wrong at a start that may be the living one; it comes back with its further heartbeats, once the
    /// dead one has fallen silent.
    fn settle_address(&mut self, key: u64) {
        let Some(met) = self.records.get(&key) else { return };
        let started = |record: &Record| (record.member.started_at, record.member.id);
        let same = |other: &Record| other.member.gossip_address == met.member.gossip_address;
        let others = self.records.iter().filter(|(other, record)| **other != key && same(record));
        let (mut superseded, mut outlived) = (Vec::new(), false);
        for (other, record) in others {
            if record.is_alive() && started(record) > started(met) {
                outlived = true;
            } else if *other != self.own {
                superseded.push((*other, record.heartbeat));
            }
        }
        if outlived {
            superseded.push((key, met.heartbeat));
        }
        for (key, heartbeat) in superseded {
            self.bury(key, heartbeat.saturating_add(STALE_HEARTBEATS));
        }
    }

    /// The nodes to list: all but those that left.
    pub(crate) fn members(&self) -> Vec<Member> {
        let present = self.records.values().filter(|record| !record.is_gone());
        let mut members: Vec<Member> = present.map(|record| record.member.clone()).collect();
        members.sort_by_key(|member| member.id);
        members
    }

    /// The other nodes' addresses.
    pub(crate) fn contacts(&self) -> Contacts {
        let mut contacts = Contacts::default();
        for (_, record) in self.records.iter().filter(|(key, _)| **key != self.own) {
            match record.standing {
                Standing::Alive => contacts.alive.push(record.member.gossip_address),
                Standing::Silent(_) => contacts.silent.push(record.member.gossip_address),
                Standing::Gone(_) => {}
            }
        }
        contacts
    }

    /// What has changed since the last call.
    pub(crate) fn take_change(&mut self, at_least: Change) -> bool {
        let due = self.change >= at_least;
        if due {
            self.change = Change::Nothing;
        }
        due
    }

    /// How many entries could not be read since the last call.
    pub(crate) fn take_unreadable(&mut self) -> u64 {
        std::mem::take(&mut self.unreadable)
    }
}

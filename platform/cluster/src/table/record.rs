use std::sync::Arc;

use shoal_types::NodeId;

use super::detector::Detector;
use crate::message::{Entry, Group, Item};
use crate::{ClusterError, Member};

/// What is known of a node.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) heartbeat: u64,
    /// Counts the node's changes. Only the node itself makes any.
    pub(super) version: u64,
    card: Group,
    pulse: Group,
    pub(super) member: Member,
    pub(super) detector: Detector,
    pub(super) standing: Standing,
}

/// What is thought of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Alive,
    /// Its heartbeats stopped; noticed at this tick.
    Silent(u64),
    /// It said that it leaves; heard at this tick.
    Gone(u64),
}

/// What a change touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    Nothing,
    /// Only how busy a node is.
    Load,
    /// Which nodes there are, or what they do.
    Membership,
}

/// The lower half of the id, which is random in a UUIDv7.
pub(super) fn key(id: NodeId) -> u64 {
    id.uuid().as_u64_pair().1
}

impl Record {
    /// This node's own record.
    pub(super) fn own(me: Member) -> Result<Self, ClusterError> {
        let group = |bytes: Vec<u8>| Group { version: 1, bytes: bytes.into() };
        Ok(Self {
            heartbeat: 1,
            version: 1,
            card: group(me.card()?),
            pulse: group(me.pulse()?),
            member: Member { alive: true, ..me },
            detector: Detector::new(0),
            standing: Standing::Alive,
        })
    }

    /// The record of a node heard of for the first time; `None` if not enough was heard.
    pub(super) fn new(entry: Entry, detector: Detector) -> Option<Self> {
        let (card, pulse) = (entry.card?, entry.pulse?);
        let member = Member::decode(entry.id, &card.bytes, &pulse.bytes)?;
        Some(Self {
            heartbeat: entry.heartbeat,
            version: entry.version,
            card,
            pulse,
            member,
            detector,
            standing: Standing::Alive,
        })
    }

    /// Takes over what is newer; `None` if it cannot be read.
    pub(super) fn adopt(&mut self, entry: Entry, tick: u64) -> Option<Change> {
        if entry.version <= self.version {
            return Some(Change::Nothing);
        }
        let newer = |theirs: Option<Group>, ours: &Group| match theirs {
            Some(theirs) if theirs.version > ours.version => theirs,
            _ => ours.clone(),
        };
        let (card, pulse) = (newer(entry.card, &self.card), newer(entry.pulse, &self.pulse));
        let mut member = Member::decode(entry.id, &card.bytes, &pulse.bytes)?;
        member.alive = self.member.alive;
        let mut change = difference(&self.member, &member);
        if entry.gone && !matches!(self.standing, Standing::Gone(_)) {
            self.standing = Standing::Gone(tick);
            change = Change::Membership;
        }
        (self.version, self.card, self.pulse, self.member) = (entry.version, card, pulse, member);
        Some(change)
    }

    /// Changes what this node tells about itself. Who and where it is stays as it was.
    pub(super) fn update(&mut self, change: impl FnOnce(&mut Member)) -> Result<Change, ClusterError> {
        let mut member = self.member.clone();
        change(&mut member);
        member.id = self.member.id;
        member.gossip_address = self.member.gossip_address;
        member.started_at = self.member.started_at;
        member.alive = true;
        let (card, pulse) = (member.card()?, member.pulse()?);
        for (group, bytes) in [(&mut self.card, card), (&mut self.pulse, pulse)] {
            if *group.bytes != *bytes {
                self.version += 1;
                *group = Group { version: self.version, bytes: Arc::from(bytes) };
            }
        }
        let change = difference(&self.member, &member);
        self.member = member;
        Ok(change)
    }

    /// Notes that this node leaves.
    pub(super) fn leave(&mut self, tick: u64) {
        self.version += 1;
        self.standing = Standing::Gone(tick);
    }

    pub(super) fn set_standing(&mut self, standing: Standing) {
        self.standing = standing;
        self.member.alive = standing == Standing::Alive;
    }

    pub(super) fn is_alive(&self) -> bool {
        self.standing == Standing::Alive
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self.standing, Standing::Gone(_))
    }

    pub(super) fn item(&self) -> Item {
        Item { key: key(self.member.id), heartbeat: self.heartbeat, version: self.version }
    }

    /// What one who knows the node at `version` does not know yet, 0 being not at all.
    pub(super) fn news_since(&self, version: u64) -> Option<Entry> {
        // Who does not know it need not hear of it any more: it would take a dead node for a new one.
        if self.version <= version || (version == 0 && !self.is_alive()) {
            return None;
        }
        Some(self.entry(version))
    }

    /// All changes after `version`.
    pub(super) fn entry(&self, version: u64) -> Entry {
        let since = |group: &Group| (group.version > version).then(|| group.clone());
        Entry {
            id: self.member.id,
            heartbeat: self.heartbeat,
            version: self.version,
            gone: self.is_gone(),
            card: since(&self.card),
            pulse: since(&self.pulse),
        }
    }
}

fn difference(before: &Member, after: &Member) -> Change {
    if before == after {
        return Change::Nothing;
    }
    let busy_alike = Member { load: before.load, ..after.clone() };
    if *before == busy_alike { Change::Load } else { Change::Membership }
}

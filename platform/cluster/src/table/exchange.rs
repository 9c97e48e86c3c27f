use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::Table;
use super::record::{Record, key};
use crate::message::{Entry, Item, Kind, MESSAGE_MAX, Message};

/// Messages in answer to one.
const REPLIES_MAX: usize = 6;
/// Bytes of cards told in a tick over time: 15 kB/s at the default pace.
const CARD_BYTES_PER_TICK: i64 = 1_700;
/// Bytes of cards told at once by a node that has told none for a while: to all who ask, and to one who asks.
const CARD_BYTES_MAX: i64 = 5_000;
const CARD_BYTES_MAX_EACH: usize = 2_500;
/// Bytes told beyond that, to those who know nobody, that are made up for later.
const CARD_BYTES_OWED_MAX: i64 = 40_000;
/// Who knows no more nodes than these, itself and one other among them, has hardly anybody to ask.
const HELPLESS_MAX: usize = 3;
/// What stands before the items and entries of a message, at most: kind, range and two counts.
const HEAD: usize = 1 + 16 + 2 + 2;

/// How much of what it knows of others a node may tell now. When many nodes start at once they all ask the seed: it
/// tells each a little, of different nodes, and they tell each other the rest.
#[derive(Debug)]
pub(super) struct Allowance(i64);

impl Default for Allowance {
    fn default() -> Self {
        Self(CARD_BYTES_MAX)
    }
}

impl Allowance {
    pub(super) fn refill(&mut self) {
        self.0 = (self.0 + CARD_BYTES_PER_TICK).min(CARD_BYTES_MAX);
    }

    fn spend(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub_unsigned(bytes as u64).max(-CARD_BYTES_OWED_MAX);
    }

    /// Whether far more was told than is allowed, such as by a seed that all ask at once.
    pub(super) fn is_overdrawn(&self) -> bool {
        self.0 < -CARD_BYTES_MAX
    }

    fn is_spent(&self) -> bool {
        self.0 <= 0
    }
}

impl Table {
    /// Questions that list all this node knows: one, or if that does not fit into a message, one for each stretch of
    /// the keys. The gap before a node belongs to its stretch, so that each key belongs to one.
    pub(crate) fn ask(&self) -> Vec<Message> {
        let (mut questions, mut items, mut room, mut from) = (Vec::new(), Vec::new(), MESSAGE_MAX - HEAD, 0);
        for item in self.records.values().map(Record::item) {
            if room < item.bytes() {
                let kind = Kind::Ask { from, to: item.key - 1 };
                questions.push(Message { kind, items: std::mem::take(&mut items), entries: Vec::new() });
                (room, from) = (MESSAGE_MAX - HEAD, item.key);
            }
            room -= item.bytes();
            items.push(item);
        }
        questions.push(Message { kind: Kind::Ask { from, to: u64::MAX }, items, entries: Vec::new() });
        questions
    }

    /// Takes in what a message says and gives what is to be said in return. `turn` picks what comes first if not all
    /// fits.
    pub(crate) fn respond(&mut self, message: Message, turn: u32) -> Vec<Message> {
        let Message { kind, items, entries } = message;
        items.iter().for_each(|item| self.hear(item));
        entries.into_iter().for_each(|entry| self.learn(entry));
        if self.has_left() {
            return Vec::new();
        }
        match kind {
            Kind::Ask { from, to } if from <= to => self.answer(&items, from..=to, turn),
            Kind::Answer => {
                let known = items.iter().filter_map(|item| Some((self.records.get(&item.key)?, item)));
                let news = known.filter_map(|(record, item)| record.news_since(item.version)).collect();
                pack(Kind::Tell, Vec::new(), self.allow(news, true, turn))
            }
            Kind::Ask { .. } | Kind::Tell => Vec::new(),
        }
    }

    fn answer(&mut self, items: &[Item], range: RangeInclusive<u64>, turn: u32) -> Vec<Message> {
        let theirs: BTreeMap<u64, &Item> = items.iter().map(|item| (item.key, item)).collect();
        let unlisted = self.records.range(range).filter(|(key, _)| !theirs.contains_key(key));
        let mut news: Vec<Entry> = unlisted.filter_map(|(_, record)| record.news_since(0)).collect();
        let mut better = Vec::new();
        for (key, item) in theirs {
            match self.records.get(&key) {
                Some(record) if record.version > item.version => news.extend(record.news_since(item.version)),
                Some(record) if record.heartbeat > item.heartbeat || record.version < item.version => {
                    better.push(record.item());
                }
                Some(_) => {}
                None if self.graveyard.holds(key, item.heartbeat) => {}
                None => better.push(Item { key, heartbeat: 0, version: 0 }),
            }
        }
        let helpless = items.len() <= HELPLESS_MAX;
        pack(Kind::Answer, better, self.allow(news, helpless, turn))
    }

    /// Of these entries those that may be told now. What is short always goes, and so does what this node says of
    /// itself, and one card to who is `helpless`: it can ask on there.
    fn allow(&mut self, mut entries: Vec<Entry>, helpless: bool, turn: u32) -> Vec<Entry> {
        if !entries.is_empty() {
            let middle = turn as usize % entries.len();
            entries.rotate_left(middle);
        }
        let mut cards = 0;
        entries.retain(|entry| {
            let bytes = entry.bytes();
            let free = entry.card.is_none() || key(entry.id) == self.own;
            let enough = match self.allowance.is_spent() {
                false => CARD_BYTES_MAX_EACH,
                true => usize::from(helpless),
            };
            if !free && cards >= enough {
                return false;
            }
            if !free {
                cards += bytes;
            }
            self.allowance.spend(bytes);
            true
        });
        entries
    }
}

/// Puts items and entries into as few messages as it takes; nothing to say takes none.
fn pack(kind: Kind, items: Vec<Item>, entries: Vec<Entry>) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut message = Message { kind, items: Vec::new(), entries: Vec::new() };
    let mut room = MESSAGE_MAX - HEAD;
    for item in items {
        if room < item.bytes() {
            break;
        }
        room -= item.bytes();
        message.items.push(item);
    }
    for entry in entries {
        if room < entry.bytes() {
            messages.push(std::mem::replace(&mut message, Message::tell(Vec::new())));
            room = MESSAGE_MAX - HEAD;
        }
        if messages.len() >= REPLIES_MAX {
            return messages;
        }
        room = room.saturating_sub(entry.bytes());
        message.entries.push(entry);
    }
    if !message.items.is_empty() || !message.entries.is_empty() {
        messages.push(message);
    }
    messages
}

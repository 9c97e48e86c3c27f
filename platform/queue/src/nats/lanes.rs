use std::collections::{BTreeMap, HashMap, VecDeque};

use tokio::time::Instant;
use uuid::Uuid;

use super::message::{Delivered, Ticket};

/// Events that wait because one of their aggregate was refused. Each aggregate waits by itself.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: HashMap<Uuid, Lane>,
    waiting: usize,
}

/// The events of one aggregate that wait, in their order.
#[derive(Debug)]
pub(super) struct Lane {
    events: VecDeque<Delivered>,
    /// How often the first was refused.
    pub(super) refusals: u32,
    /// When it is offered again.
    due: Instant,
}

impl Lanes {
    /// How many events wait.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// Puts `delivered` behind the others of its aggregate if some wait; else gives it back.
    pub(super) fn queue(&mut self, delivered: Delivered) -> Option<Delivered> {
        let Some(lane) = self.lanes.get_mut(&delivered.event.aggregate) else { return Some(delivered) };
        // Brought again though it waits here: the last ticket is the one that counts.
        match lane.events.iter_mut().find(|waiting| waiting.ticket.place == delivered.ticket.place) {
            Some(waiting) => waiting.ticket = delivered.ticket,
            None => {
                lane.events.push_back(delivered);
                self.waiting += 1;
            }
        }
        None
    }

    /// Has `delivered`, which was refused so often, wait until `due`, and all after it of its aggregate.
    pub(super) fn hold(&mut self, delivered: Delivered, refusals: u32, due: Instant) {
        let lane = self.lanes.entry(delivered.event.aggregate).or_insert_with(|| Lane {
            events: VecDeque::new(),
            refusals,
            due,
        });
        lane.events.push_front(delivered);
        (lane.refusals, lane.due) = (refusals, due);
        self.waiting += 1;
    }

    /// When the next lane is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.lanes.values().map(|lane| lane.due).min()
    }

    /// Takes out a lane that is due: its aggregate, how often its first event was refused, and that event.
    pub(super) fn due(&mut self, now: Instant) -> Option<(Uuid, u32, Delivered)> {
        let (aggregate, lane) = self.lanes.iter_mut().find(|(_, lane)| lane.due <= now)?;
        let first = lane.events.pop_front()?;
        self.waiting -= 1;
        Some((*aggregate, lane.refusals, first))
    }

    /// The first event of the lane is done with: the next is offered at once; the lane ends with its last.
    pub(super) fn advance(&mut self, aggregate: Uuid, now: Instant) {
        if let Some(lane) = self.lanes.get_mut(&aggregate) {
            (lane.refusals, lane.due) = (0, now);
            if lane.events.is_empty() {
                self.lanes.remove(&aggregate);
            }
        }
    }

    /// The tickets of all that wait, in the order of the stream.
    pub(super) fn tickets(&self) -> Vec<Ticket> {
        let all = self.lanes.values().flat_map(|lane| &lane.events);
        let by_place: BTreeMap<u64, Ticket> =
            all.map(|waiting| (waiting.ticket.place, waiting.ticket.clone())).collect();
        by_place.into_values().collect()
    }
}

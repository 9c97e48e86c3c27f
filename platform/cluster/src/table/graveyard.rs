use std::collections::{HashMap, VecDeque};

/// Nodes remembered after they were forgotten, so that old talk about them does not bring them back.
const GRAVES_MAX: usize = 4_096;

/// Nodes that were forgotten, each with the last heartbeat of it that counts as old.
#[derive(Debug, Default)]
pub(super) struct Graveyard {
    heartbeats: HashMap<u64, u64>,
    order: VecDeque<u64>,
}

impl Graveyard {
    pub(super) fn bury(&mut self, key: u64, heartbeat: u64) {
        if self.heartbeats.insert(key, heartbeat).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > GRAVES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.heartbeats.remove(&oldest);
        }
    }

    /// Whether this heartbeat of the node is old talk.
    pub(super) fn holds(&self, key: u64, heartbeat: u64) -> bool {
        self.heartbeats.get(&key).is_some_and(|last| heartbeat <= *last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_later_heartbeat_brings_a_node_back_and_the_graveyard_stays_small() {
        let mut graveyard = Graveyard::default();
        graveyard.bury(1, 10);
        assert!(graveyard.holds(1, 10) && !graveyard.holds(1, 11) && !graveyard.holds(2, 0));
        (2..10_000).for_each(|key| graveyard.bury(key, 0));
        assert!(!graveyard.holds(1, 10) && graveyard.holds(9_999, 0));
        assert_eq!((graveyard.order.len(), graveyard.heartbeats.len()), (GRAVES_MAX, GRAVES_MAX));
    }
}

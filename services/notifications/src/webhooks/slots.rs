use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shoal_contract::notifications::WebhookEndpointId;

/// How many requests are under way, and to which endpoints.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots(Arc<Mutex<HashMap<WebhookEndpointId, usize>>>);

/// A request under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Slots,
    endpoint: WebhookEndpointId,
}

impl Slots {
    /// How many more requests there may be to the endpoint, of which there may be `most_here` at a time and `most` to all.
    pub(super) fn free(&self, endpoint: WebhookEndpointId, most_here: usize, most: usize) -> usize {
        let taken = self.lock();
        let here = taken.get(&endpoint).copied().unwrap_or(0);
        let all: usize = taken.values().sum();
        most_here.saturating_sub(here).min(most.max(1).saturating_sub(all))
    }

    pub(super) fn take(&self, endpoint: WebhookEndpointId) -> Slot {
        *self.lock().entry(endpoint).or_default() += 1;
        Slot { slots: self.clone(), endpoint }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<WebhookEndpointId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
        let left = taken.get(&self.endpoint).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            taken.remove(&self.endpoint);
        } else {
            taken.insert(self.endpoint, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_endpoint_never_has_all() {
        let (slots, one, other) = (
            Slots::default(),
            WebhookEndpointId::from_digest([1; 16]),
            WebhookEndpointId::from_digest([2; 16]),
        );
        let taken: Vec<Slot> = (0..2).map(|_| slots.take(one)).collect();
        assert_eq!((slots.free(one, 2, 3), slots.free(other, 2, 3)), (0, 1));
        drop(taken);
        assert_eq!((slots.free(one, 2, 3), slots.free(other, 2, 3)), (2, 2));
        assert!(slots.lock().is_empty());
    }
}

/// Which of a sender's packets have been seen: all counters up to the newest, exactly for the last 128.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    /// One more than the newest counter.
    end: u64,
    /// Bit `n` stands for the counter `end - 1 - n`.
    seen: u128,
}

impl Window {
    const WIDTH: u64 = 128;

    /// Notes the counter; false if it was seen before or is too old to tell.
    pub(super) fn admit(&mut self, counter: u64) -> bool {
        if counter >= self.end {
            let ahead = counter - self.end + 1;
            self.seen = if ahead >= Self::WIDTH { 0 } else { self.seen << ahead };
            self.seen |= 1;
            self.end = counter.saturating_add(1);
            return true;
        }
        let behind = self.end - 1 - counter;
        if behind >= Self::WIDTH || self.seen & (1 << behind) != 0 {
            return false;
        }
        self.seen |= 1 << behind;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_counter_is_admitted_once_and_all_recent_ones_are(
            counters in prop::collection::vec(prop_oneof![0_u64..400, (u64::MAX - 300)..u64::MAX], 1..400)
        ) {
            let (mut window, mut seen, mut newest) = (Window::default(), BTreeSet::new(), 0);
            for counter in counters {
                let fresh = !seen.contains(&counter);
                let recent = counter >= newest || newest - counter < Window::WIDTH;
                prop_assert_eq!(window.admit(counter), fresh && recent);
                seen.insert(counter);
                newest = newest.max(counter);
            }
        }
    }
}

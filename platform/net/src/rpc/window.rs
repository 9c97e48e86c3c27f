use std::time::Duration;

use tokio::time::Instant;

const SLOTS: usize = 10;
const SLOT: Duration = Duration::from_secs(1);

/// Two counts over the last ten seconds, to the second: of all, and of some among them.
#[derive(Debug)]
pub(super) struct Window {
    began: Instant,
    /// The second that is being counted, since `began`.
    second: u64,
    slots: [(u64, u64); SLOTS],
}

impl Window {
    pub(super) fn new(now: Instant) -> Self {
        Self { began: now, second: 0, slots: [(0, 0); SLOTS] }
    }

    pub(super) fn add(&mut self, now: Instant, all: u64, some: u64) {
        self.turn(now);
        let slot = &mut self.slots[(self.second % SLOTS as u64) as usize];
        slot.0 += all;
        slot.1 += some;
    }

    /// All, and some.
    pub(super) fn counts(&mut self, now: Instant) -> (u64, u64) {
        self.turn(now);
        self.slots.iter().fold((0, 0), |(all, some), slot| (all + slot.0, some + slot.1))
    }

    /// Forgets what is too old. An earlier instant than the last counts as the last.
    fn turn(&mut self, now: Instant) {
        let second = now.saturating_duration_since(self.began).as_secs() / SLOT.as_secs();
        let turns = second.saturating_sub(self.second).min(SLOTS as u64);
        for _ in 0..turns {
            self.second += 1;
            self.slots[(self.second % SLOTS as u64) as usize] = (0, 0);
        }
        if turns == SLOTS as u64 {
            self.second = second;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_ten_seconds_does_not_count() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut window = Window::new(start);
        window.add(at(0), 1, 0);
        window.add(at(1_500), 2, 1);
        assert_eq!(window.counts(at(9_999)), (3, 1));
        assert_eq!(window.counts(at(10_000)), (2, 1));
        assert_eq!(window.counts(at(11_500)), (0, 0));
        window.add(at(100_000), 5, 5);
        window.add(at(99_000), 1, 0);
        assert_eq!(window.counts(at(100_000)), (6, 5));
        assert_eq!(window.counts(at(109_999)), (6, 5));
        assert_eq!(window.counts(at(110_000)), (0, 0));
    }
}

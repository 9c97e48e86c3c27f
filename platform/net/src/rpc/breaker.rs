use std::time::Duration;

use tokio::time::Instant;

use super::window::Window;

/// Failures in a row that open the breaker.
const FAILURES_MAX: u32 = 5;

/// Calls in the window from which on their share of successes says something.
const CALLS_MIN: u64 = 20;

/// How long the breaker stays open for the first time; each further time twice as long.
const OPEN_MIN: Duration = Duration::from_millis(500);
const OPEN_MAX: Duration = Duration::from_secs(8);

/// After so long without reopening, the next opening counts as the first.
const FORGET_AFTER: Duration = Duration::from_secs(10);

/// A probe that has said nothing for so long does not stand in the way of the next.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether a node gets calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// It does.
    Closed,
    /// It failed too often and is left alone for a while.
    Open,
    /// One call tries whether it is well again.
    HalfOpen,
}

/// What the breaker of a node lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admits {
    Calls,
    /// One call, for which it has waited so long.
    Probe {
        due: Duration,
    },
    Nothing,
}

/// Takes a node out of the choice that fails again and again, and lets it back in after one success.
///
/// Pure: it is told the time. Only what the transport says counts: an error that the service answers is a success.
#[derive(Debug)]
pub(super) struct Breaker {
    /// Until when it is open, and since when a probe is under way; `None` while it is closed.
    open: Option<(Instant, Option<Instant>)>,
    failures_in_a_row: u32,
    /// Calls, and the failures among them.
    window: Window,
    openings: u32,
    closed_at: Instant,
}

impl Breaker {
    pub(super) fn new(now: Instant) -> Self {
        Self { open: None, failures_in_a_row: 0, window: Window::new(now), openings: 0, closed_at: now }
    }

    pub(super) fn state(&self, now: Instant) -> BreakerState {
        match self.open {
            None => BreakerState::Closed,
            Some((until, _)) if now < until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    pub(super) fn admits(&self, now: Instant) -> Admits {
        let Some((until, probe)) = self.open else { return Admits::Calls };
        let probing = probe.is_some_and(|at| now < at + PROBE_TIMEOUT);
        if now < until || probing { Admits::Nothing } else { Admits::Probe { due: now - until } }
    }

    /// Claims the probe for a call that is sent; false if another has it.
    pub(super) fn probe(&mut self, now: Instant) -> bool {
        let due = matches!(self.admits(now), Admits::Probe { .. });
        if let (true, Some((_, probe))) = (due, &mut self.open) {
            *probe = Some(now);
        }
        due
    }

    /// Notes that the node answered.
    pub(super) fn succeeded(&mut self, now: Instant) {
        match self.open {
            None => {
                self.failures_in_a_row = 0;
                self.window.add(now, 1, 0);
            }
            // The answer to a call from before; the breaker does not believe it yet.
            Some((until, _)) if now < until => {}
            Some(_) => {
                self.open = None;
                self.closed_at = now;
            }
        }
    }

    /// Notes that the node could not be reached or did not answer. Whether the breaker opened by it.
    ///
    /// `jitter` below 1,000 spreads the probes of many callers over the second half of the time it stays open.
    pub(super) fn failed(&mut self, now: Instant, jitter: u32) -> bool {
        match self.open {
            Some((until, _)) if now < until => return false,
            Some(_) => {}
            None => {
                self.failures_in_a_row += 1;
                self.window.add(now, 1, 1);
                let (calls, failures) = self.window.counts(now);
                let mostly_fails = calls >= CALLS_MIN && failures * 2 > calls;
                if self.failures_in_a_row < FAILURES_MAX && !mostly_fails {
                    return false;
                }
                if now.saturating_duration_since(self.closed_at) > FORGET_AFTER {
                    self.openings = 0;
                }
            }
        }
        self.open(now, jitter);
        true
    }

    fn open(&mut self, now: Instant, jitter: u32) {
        let longest = OPEN_MIN.saturating_mul(1 << self.openings.min(16)).min(OPEN_MAX);
        self.openings = self.openings.saturating_add(1);
        self.open = Some((now + longest / 2 + longest / 2 * jitter.min(1_000) / 1_000, None));
        self.failures_in_a_row = 0;
        self.window = Window::new(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Fails until the breaker opens.
    fn trip(breaker: &mut Breaker, now: Instant) {
        while !breaker.failed(now, 1_000) {}
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_success_after_the_pause_closes_it() {
        let start = Instant::now();
        let mut breaker = Breaker::new(start);
        assert_eq!((0..5).filter(|_| breaker.failed(start, 1_000)).count(), 1);
        assert_eq!((breaker.state(start), breaker.admits(start)), (BreakerState::Open, Admits::Nothing));
        breaker.succeeded(start + ms(100));
        assert_eq!(breaker.state(start + ms(499)), BreakerState::Open, "a late answer proves nothing");
        assert_eq!(breaker.admits(start + ms(600)), Admits::Probe { due: ms(100) });
        assert!(breaker.probe(start + ms(600)) && !breaker.probe(start + ms(600)), "one probe at a time");
        assert_eq!(breaker.admits(start + ms(700)), Admits::Nothing);
        assert!(matches!(breaker.admits(start + ms(2_600)), Admits::Probe { .. }), "the probe was forgotten");
        breaker.succeeded(start + ms(700));
        assert_eq!((breaker.state(start), breaker.admits(start)), (BreakerState::Closed, Admits::Calls));
    }

    #[test]
    fn mostly_failures_open_it_even_if_none_follow_each_other_for_long() {
        let start = Instant::now();
        let mut breaker = Breaker::new(start);
        let opened = (0..40).any(|call| match call % 5 {
            0 | 1 => {
                breaker.succeeded(start);
                false
            }
            _ => breaker.failed(start, 0),
        });
        assert!(opened);
        let mut breaker = Breaker::new(start);
        let opened = (0..400).any(|call| match call % 2 {
            0 => {
                breaker.succeeded(start);
                false
            }
            _ => breaker.failed(start, 0),
        });
        assert!(!opened, "half of them succeed");
    }

    #[test]
    fn a_node_that_flaps_is_left_alone_longer_each_time_until_it_has_been_well_for_a_while() {
        let start = Instant::now();
        let (mut breaker, mut now, mut pauses) = (Breaker::new(start), start, Vec::new());
        for _ in 0..6 {
            trip(&mut breaker, now);
            let opened_at = now;
            while breaker.state(now) == BreakerState::Open {
                now += ms(1);
            }
            pauses.push((now - opened_at).as_millis());
            breaker.succeeded(now);
        }
        assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 8_000, 8_000]);
        now += ms(10_001);
        trip(&mut breaker, now);
        assert_eq!(breaker.state(now + ms(500)), BreakerState::HalfOpen);
    }

    proptest! {
        #[test]
        fn it_always_comes_to_a_probe_and_a_success_of_it_always_closes(
            steps in prop::collection::vec((0..3_000_u64, any::<bool>(), 0..1_000_u32), 0..200),
        ) {
            let mut now = Instant::now();
            let mut breaker = Breaker::new(now);
            for (passed_ms, succeeds, jitter) in steps {
                now += ms(passed_ms);
                let before = breaker.state(now);
                match breaker.admits(now) {
                    Admits::Nothing => prop_assert!(before != BreakerState::Closed),
                    Admits::Calls => prop_assert_eq!(before, BreakerState::Closed),
                    Admits::Probe { .. } => {
                        prop_assert_eq!(before, BreakerState::HalfOpen);
                        prop_assert!(breaker.probe(now));
                    }
                }
                if succeeds {
                    breaker.succeeded(now);
                    prop_assert!(before == BreakerState::Open || breaker.state(now) == BreakerState::Closed);
                } else if breaker.failed(now, jitter) {
                    prop_assert_eq!(breaker.state(now), BreakerState::Open);
                    prop_assert!(before != BreakerState::Open);
                }
            }
            let probed = breaker.admits(now + OPEN_MAX + PROBE_TIMEOUT);
            prop_assert!(!matches!(probed, Admits::Nothing));
        }
    }
}

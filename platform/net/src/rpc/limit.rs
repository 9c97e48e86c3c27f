use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Calls worked on at a time: at the start, and at least and at most. With so few as the least, what a call takes is taken
/// to be the call's own time.
const START: usize = 1_024;
const MIN: usize = 8;
const MAX: usize = 4_096;

/// How long a window lasts, if so many calls have ended in it; with fewer, up to the longest.
const WINDOW: Duration = Duration::from_millis(100);
const WINDOW_MAX: Duration = Duration::from_secs(1);
const ENDED_MIN: u32 = 8;

/// Windows in a row that must be late before the limit sinks: a disk may hiccup.
const STRIKES: u32 = 2;

/// A method is late if even its quickest call took so many times its own time, and so much on top.
const LATE_FACTOR: f64 = 3.0;
const LATE_SLACK_S: f64 = 0.020;

/// How much of the way a method's own time moves in a window to what was seen in it.
const LEARN: f64 = 0.2;

/// Methods told apart. Their names come from the network; further ones share an entry.
const METHODS_MAX: usize = 512;

/// Finds how many calls at a time a server can work on before they only wait for each other.
///
/// Calls wait where nobody sees it: for a core, for the writer of a database, for a lock. What can be seen is that
/// then even the *quickest* call of a method in a window takes much longer than such a call needs by itself, as CoDel sees a
/// standing queue by its shortest delay: one quick answer among many slow ones is no overload. If most calls of two
/// windows in a row are of such methods the limit sinks by a fifth, and again each window; if not, and the limit is
/// reached, it grows by a quarter (AIMD, with both steps relative, for nothing is known of the scale).
///
/// What a method needs by itself is learned while at most eight calls are in flight, which includes the time in which the
/// limit has sunk to that: if calls have become slower for another reason than their number, that is noticed there.
///
/// Pure: it is told the time. Source: docs/adr/0010-calls-between-nodes.md
#[derive(Debug)]
pub(super) struct Limit {
    calls: usize,
    methods: HashMap<u64, Method>,
    window: Instant,
    ended: u32,
    /// The most calls in flight in the window.
    peak: usize,
    strikes: u32,
}

#[derive(Debug, Default)]
struct Method {
    /// What a call needs by itself, in seconds, once known.
    own_s: Option<f64>,
    /// The quickest call of the window, and how many ended in it.
    quickest_s: f64,
    ended: u32,
}

impl Method {
    fn add(&mut self, took_s: f64) {
        self.quickest_s = if self.ended == 0 { took_s } else { self.quickest_s.min(took_s) };
        self.ended += 1;
    }

    fn is_late(&self, took_s: f64) -> bool {
        self.own_s.is_some_and(|own_s| took_s > own_s * LATE_FACTOR + LATE_SLACK_S)
    }

    fn learn(&mut self, quiet: bool) {
        let own_s = self.own_s.unwrap_or(self.quickest_s);
        let moves = quiet || self.quickest_s < own_s;
        self.own_s = Some(if moves { own_s + (self.quickest_s - own_s) * LEARN } else { own_s });
    }
}

impl Limit {
    pub(super) fn new(now: Instant) -> Self {
        Self { calls: START, methods: HashMap::new(), window: now, ended: 0, peak: 0, strikes: 0 }
    }

    pub(super) fn get(&self) -> usize {
        self.calls
    }

    /// Takes in that a call ended after `took`, with so many in flight, itself included. Whether a window ended with it.
    ///
    /// A call that was stopped half-way tells something only if it had waited too long already.
    pub(super) fn ended(
        &mut self,
        now: Instant,
        method: u64,
        took: Duration,
        answered: bool,
        in_flight: usize,
    ) -> bool {
        self.peak = self.peak.max(in_flight);
        let room = self.methods.len() < METHODS_MAX || self.methods.contains_key(&method);
        let method = self.methods.entry(if room { method } else { 0 }).or_default();
        let took_s = took.as_secs_f64();
        if answered || method.is_late(took_s) {
            method.add(took_s);
            self.ended += 1;
        }
        let lasted = now.saturating_duration_since(self.window);
        let over = (lasted >= WINDOW && self.ended >= ENDED_MIN) || lasted >= WINDOW_MAX;
        if over {
            self.turn();
            self.window = now;
        }
        over
    }

    fn turn(&mut self) {
        let quiet = self.peak <= MIN;
        let late = self.methods.values().filter(|method| method.is_late(method.quickest_s));
        let late: u32 = late.map(|method| method.ended).sum();
        self.strikes = if !quiet && late * 2 > self.ended { self.strikes.saturating_add(1) } else { 0 };
        if self.strikes >= STRIKES {
            self.calls = (self.calls * 4 / 5).max(MIN);
        } else if self.strikes == 0 && self.peak >= self.calls {
            self.calls = (self.calls * 5 / 4).min(MAX);
        }
        for method in self.methods.values_mut().filter(|method| method.ended > 0) {
            method.learn(quiet);
            method.ended = 0;
        }
        (self.ended, self.peak) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A server of so many workers, at each of which a call takes so long, under a steady load: the limit at its end.
    fn settle(limit: &mut Limit, start: Instant, workers: usize, own_ms: f64, callers: usize, windows: u32) {
        for window in 1..=windows {
            let now = start + WINDOW * window;
            let in_flight = callers.min(limit.get());
            // Little's law: whoever is beyond the workers waits for them.
            let took_ms = own_ms * (in_flight as f64 / workers as f64).max(1.0);
            for _ in 0..ENDED_MIN {
                limit.ended(now, 1, Duration::from_secs_f64(took_ms / 1_000.0), true, in_flight);
            }
        }
    }

    #[test]
    fn the_limit_sinks_to_what_keeps_the_workers_busy_and_calls_quick() {
        let start = Instant::now();
        let mut limit = Limit::new(start);
        settle(&mut limit, start, 8, 10.0, 4, 20);
        assert_eq!(limit.get(), START, "a quiet server limits nobody");
        settle(&mut limit, start + WINDOW * 20, 8, 10.0, 2_000, 30);
        assert!((24..=50).contains(&limit.get()), "{limit:?}: a call takes 10 ms, and 50 ms is late");
        settle(&mut limit, start + WINDOW * 50, 800, 10.0, 2_000, 30);
        assert!(limit.get() > 800, "{limit:?}: there is room again");
    }

    #[test]
    fn a_hiccup_of_the_disk_lowers_nothing() {
        let start = Instant::now();
        let mut limit = Limit::new(start);
        settle(&mut limit, start, 100, 2.0, 50, 20);
        settle(&mut limit, start + WINDOW * 20, 100, 300.0, 50, 1);
        settle(&mut limit, start + WINDOW * 21, 100, 2.0, 50, 20);
        assert_eq!(limit.get(), START);
    }

    #[test]
    fn calls_that_have_become_slow_by_themselves_are_let_in_again() {
        let start = Instant::now();
        let mut limit = Limit::new(start);
        settle(&mut limit, start, 1_000, 5.0, 100, 20);
        settle(&mut limit, start + WINDOW * 20, 1_000, 200.0, 100, 80);
        assert!(limit.get() >= 100, "{limit:?}");
    }

    #[test]
    fn calls_that_all_wait_too_long_and_are_given_up_count() {
        let start = Instant::now();
        let mut limit = Limit::new(start);
        settle(&mut limit, start, 8, 10.0, 4, 20);
        for call in 0..400_u32 {
            let now = start + WINDOW * 20 + WINDOW * call / 10;
            limit.ended(now, 1, Duration::from_millis(500), false, 500);
        }
        assert!(limit.get() < 100, "{limit:?}");
    }

    proptest! {
        #[test]
        fn the_limit_stays_in_its_bounds(
            calls in prop::collection::vec((0..50_u64, 0..3_000_u64, 0..2_000_u64, any::<bool>(), 1..5_000_usize), 0..500),
        ) {
            let start = Instant::now();
            let mut limit = Limit::new(start);
            let mut now = start;
            for (method, took_ms, passed_ms, answered, in_flight) in calls {
                now += Duration::from_millis(passed_ms);
                limit.ended(now, method, Duration::from_millis(took_ms), answered, in_flight);
                prop_assert!((MIN..=MAX).contains(&limit.get()));
                prop_assert!(limit.methods.len() <= METHODS_MAX + 1);
            }
        }

        #[test]
        fn however_long_calls_take_by_themselves_nobody_is_limited(
            own_ms in prop::collection::vec(1..5_000_u64, 1..5),
            calls in prop::collection::vec((0..5_usize, 0..50_u64, 0..1_000_usize), 0..500),
        ) {
            let start = Instant::now();
            let mut limit = Limit::new(start);
            let mut now = start;
            for (method, passed_ms, in_flight) in calls {
                now += Duration::from_millis(passed_ms);
                let method = method % own_ms.len();
                limit.ended(now, method as u64, Duration::from_millis(own_ms[method]), true, in_flight);
            }
            prop_assert_eq!(limit.get(), START);
        }
    }
}

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{Law, Steps};

/// Calls worked on at a time, at least and at most. With so few as the least, what a call takes is taken to be the call's
/// own time.
const MIN: usize = 8;
const MAX: usize = 4_096;

/// How long a window lasts at least, if so many calls have ended in it; with fewer, up to the longest.
const WINDOW: Duration = Duration::from_millis(100);
const WINDOW_MAX: Duration = Duration::from_secs(1);
const ENDED_MIN: u32 = 8;

/// Windows in a row that must be late before the limit sinks: a disk may hiccup.
const STRIKES: u32 = 2;

/// The share that a step down leaves at most and at least, and that a step up gives at least and at most.
const SINK: f64 = 0.8;
const SINK_FAR: f64 = 0.5;
const GROW: f64 = 1.25;
const GROW_FAR: f64 = 2.0;

/// The share of what would be just in time that a step down goes to.
const AIM: f64 = 0.8;

/// How much of the way a limit that is not reached goes back in a window to where it started.
const REST: f64 = 0.02;

/// How much of the way a method's own time moves in a window to what was seen in it.
const LEARN: f64 = 0.2;
/// The same if the calls are late though there are few: something else has become slow.
const LEARN_ANEW: f64 = 0.5;

/// A call that was stuck counts as so many times late at most, in how late the window is.
const STUCK: f64 = 4.0;

/// Methods told apart. Their names come from the network; further ones share an entry.
const METHODS_MAX: usize = 512;

/// Finds how many calls at a time a server can work on before they only wait for each other.
///
/// Calls wait where nobody sees it: for a core, for the writer of a database, for a lock. What can be seen is that they
/// then take much longer than such a call needs by itself. Under [`Law::CALLS`] even the *quickest* call of a method in a
/// window must, as CoDel sees a standing queue by its shortest delay; under the others more than half. If most calls of two
/// windows in a row are of such methods the limit sinks, and again each window; if not, and the limit is reached, it grows:
/// [`Steps`] says how far.
///
/// What a method needs by itself is learned while at most eight calls are in flight, which includes the time in which the
/// limit has sunk to that: if calls have become slower for another reason than their number, that is noticed there.
///
/// Pure: it is told the time. Source: docs/adr/0010-calls-between-nodes.md
#[derive(Debug)]
pub(super) struct Limit {
    law: Law,
    calls: usize,
    methods: HashMap<u64, Method>,
    began: Instant,
    window: Window,
    strikes: u32,
}

/// What was seen since the last step.
#[derive(Debug, Default)]
struct Window {
    ended: u32,
    /// The most calls in flight.
    peak: usize,
    /// After which each would have been late, in all.
    late_after_s: f64,
    /// What all calls took, each in shares of the time after which it is late.
    lateness: f64,
}

#[derive(Debug, Default)]
struct Method {
    /// What a call needs by itself, in seconds, once known.
    own_s: Option<f64>,
    /// The quickest call of the window, how many ended in it, and how many of them late.
    quickest_s: f64,
    ended: u32,
    late: u32,
}

impl Method {
    fn add(&mut self, took_s: f64, late: bool) {
        self.quickest_s = if self.ended == 0 { took_s } else { self.quickest_s.min(took_s) };
        self.ended += 1;
        self.late += u32::from(late);
    }

    /// After how many seconds a call is late; never, of a method that is not known yet.
    fn late_after_s(&self, law: &Law) -> f64 {
        let after_s = |own_s| own_s * law.late_factor + law.late_slack.as_secs_f64();
        self.own_s.map_or(f64::INFINITY, after_s)
    }

    fn is_late(&self, law: &Law) -> bool {
        let share = f64::from(self.late) / f64::from(self.ended.max(1));
        if law.late_share < 1.0 { share > law.late_share } else { share >= 1.0 }
    }

    fn learn(&mut self, quiet: bool, law: &Law) {
        let seen_s = self.quickest_s;
        self.own_s = match self.own_s {
            Some(own_s) if quiet && self.is_late(law) => Some(own_s + (seen_s - own_s) * LEARN_ANEW),
            Some(own_s) if quiet || seen_s < own_s => Some(own_s + (seen_s - own_s) * LEARN),
            None if !quiet => Some(seen_s.min(law.presumed_max.as_secs_f64())),
            None => Some(seen_s),
            known => known,
        };
    }
}

impl Limit {
    pub(super) fn new(law: Law, now: Instant) -> Self {
        Self {
            law,
            calls: law.start,
            methods: HashMap::new(),
            began: now,
            window: Window::default(),
            strikes: 0,
        }
    }

    pub(super) fn get(&self) -> usize {
        self.calls
    }

    /// Takes in that a call ended after `took`, with so many in flight, itself included. Whether a window ended with it.
    ///
    /// A call that failed or was stopped half-way tells something only if it had waited too long already.
    pub(super) fn ended(
        &mut self,
        now: Instant,
        method: u64,
        took: Duration,
        answered: bool,
        in_flight: usize,
    ) -> bool {
        let window = &mut self.window;
        window.peak = window.peak.max(in_flight);
        let room = self.methods.len() < METHODS_MAX || self.methods.contains_key(&method);
        let method = self.methods.entry(if room { method } else { 0 }).or_default();
        let (took_s, late_after_s) = (took.as_secs_f64(), method.late_after_s(&self.law));
        let late = took_s > late_after_s;
        if answered || late {
            method.add(took_s, late);
            window.ended += 1;
            window.late_after_s += late_after_s;
            window.lateness += (took_s / late_after_s).min(STUCK);
        }
        let lasted = now.saturating_duration_since(self.began);
        let over = (lasted >= WINDOW && window.ended >= ENDED_MIN) || lasted >= WINDOW_MAX;
        if over {
            self.turn(lasted);
            self.began = now;
        }
        over
    }

    fn turn(&mut self, lasted: Duration) {
        let window = std::mem::take(&mut self.window);
        let quiet = window.peak <= MIN;
        let late = self.methods.values().filter(|method| method.is_late(&self.law));
        let late: u32 = late.map(|method| method.ended).sum();
        self.strikes = if !quiet && late * 2 > window.ended { self.strikes.saturating_add(1) } else { 0 };
        self.step(&window, lasted);
        for method in self.methods.values_mut().filter(|method| method.ended > 0) {
            method.learn(quiet, &self.law);
            (method.ended, method.late) = (0, 0);
        }
    }

    fn step(&mut self, window: &Window, lasted: Duration) {
        let (calls, start) = (self.calls as f64, self.law.start as f64);
        let wanted = if self.strikes >= STRIKES {
            self.sink(window, lasted)
        } else if self.strikes > 0 {
            calls
        } else if window.peak >= self.calls {
            self.grow(window, lasted)
        } else if calls < start {
            (calls + (start - calls) * REST).ceil()
        } else {
            calls - (calls - start) * REST
        };
        self.calls = (wanted as usize).clamp(MIN, MAX);
    }

    fn sink(&self, window: &Window, lasted: Duration) -> f64 {
        let calls = self.calls as f64;
        match self.law.steps {
            Steps::Relative => calls * SINK,
            Steps::ByRate => (window.in_time(lasted) * AIM).clamp(calls * SINK_FAR, calls * SINK),
        }
    }

    fn grow(&self, window: &Window, lasted: Duration) -> f64 {
        let calls = self.calls as f64;
        match self.law.steps {
            Steps::Relative => calls * GROW,
            Steps::ByRate => {
                let step = (1.0 / window.lateness()).clamp(GROW, GROW_FAR);
                (calls * step).min(window.in_time(lasted)).max(calls)
            }
        }
    }
}

impl Window {
    /// What calls took, on average, in shares of the time after which they are late.
    fn lateness(&self) -> f64 {
        (self.lateness / f64::from(self.ended.max(1))).max(f64::MIN_POSITIVE)
    }

    /// How many calls at a time would be just in time, if they go on ending at this rate (Little's law).
    fn in_time(&self, lasted: Duration) -> f64 {
        self.late_after_s / lasted.as_secs_f64().max(f64::MIN_POSITIVE)
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
        let mut limit = Limit::new(Law::CALLS, start);
        settle(&mut limit, start, 8, 10.0, 4, 20);
        assert_eq!(limit.get(), Law::CALLS.start, "a quiet server limits nobody");
        settle(&mut limit, start + WINDOW * 20, 8, 10.0, 2_000, 30);
        assert!((24..=50).contains(&limit.get()), "{limit:?}: a call takes 10 ms, and 50 ms is late");
        settle(&mut limit, start + WINDOW * 50, 800, 10.0, 2_000, 30);
        assert!(limit.get() > 800, "{limit:?}: there is room again");
    }

    #[test]
    fn a_hiccup_of_the_disk_lowers_nothing() {
        let start = Instant::now();
        let mut limit = Limit::new(Law::CALLS, start);
        settle(&mut limit, start, 100, 2.0, 50, 20);
        settle(&mut limit, start + WINDOW * 20, 100, 300.0, 50, 1);
        settle(&mut limit, start + WINDOW * 21, 100, 2.0, 50, 20);
        assert_eq!(limit.get(), Law::CALLS.start);
    }

    #[test]
    fn calls_that_have_become_slow_by_themselves_are_let_in_again() {
        let start = Instant::now();
        let mut limit = Limit::new(Law::CALLS, start);
        settle(&mut limit, start, 1_000, 5.0, 100, 20);
        settle(&mut limit, start + WINDOW * 20, 1_000, 200.0, 100, 80);
        assert!(limit.get() >= 100, "{limit:?}");
    }

    #[test]
    fn calls_that_all_wait_too_long_and_are_given_up_count() {
        let start = Instant::now();
        let mut limit = Limit::new(Law::CALLS, start);
        settle(&mut limit, start, 8, 10.0, 4, 20);
        for call in 0..400_u32 {
            let now = start + WINDOW * 20 + WINDOW * call / 10;
            limit.ended(now, 1, Duration::from_millis(500), false, 500);
        }
        assert!(limit.get() < 100, "{limit:?}");
    }

    /// A server that does `rate` requests a second in turn, each of which takes `own_ms` by itself.
    struct Shop {
        limit: Limit,
        now: Instant,
        /// When those in flight are done, in turn, and when each began.
        in_flight: std::collections::VecDeque<(Instant, Instant)>,
        rate: f64,
        own_ms: u64,
    }

    /// What clients saw; late is an answer after more than a second.
    #[derive(Debug, Default)]
    struct Seen {
        in_time: u32,
        late: u32,
        refused: u32,
    }

    impl Shop {
        fn new(rate: f64, own_ms: u64) -> Self {
            let now = Instant::now();
            Self { limit: Limit::new(Law::REQUESTS, now), now, in_flight: Default::default(), rate, own_ms }
        }

        fn end_first(&mut self, seen: &mut Seen) {
            let Some((done, began)) = self.in_flight.pop_front() else { return };
            let in_flight = self.in_flight.len() + 1;
            let took = done.saturating_duration_since(began);
            self.limit.ended(done, 1, took, true, in_flight);
            let in_time = took <= Duration::from_secs(1);
            (seen.in_time, seen.late) = (seen.in_time + u32::from(in_time), seen.late + u32::from(!in_time));
        }

        fn begin(&mut self, seen: &mut Seen) {
            if self.in_flight.len() >= self.limit.get() {
                seen.refused += 1;
                return;
            }
            let one = Duration::from_secs_f64(1.0 / self.rate);
            let own = self.now + Duration::from_millis(self.own_ms);
            let done = self.in_flight.back().map_or(own, |(last, _)| own.max(*last + one));
            self.in_flight.push_back((done, self.now));
        }

        /// An open loop of `offered` requests a second.
        fn open(&mut self, offered: f64, seconds: f64) -> Seen {
            let mut seen = Seen::default();
            let until = self.now + Duration::from_secs_f64(seconds);
            while self.now < until {
                self.now += Duration::from_secs_f64(1.0 / offered);
                while self.in_flight.front().is_some_and(|(done, _)| *done <= self.now) {
                    self.end_first(&mut seen);
                }
                self.begin(&mut seen);
            }
            seen
        }

        /// Clients that ask again when they are answered, and a second after they were refused.
        fn closed(&mut self, clients: usize, seconds: f64) -> Seen {
            let mut seen = Seen::default();
            let until = self.now + Duration::from_secs_f64(seconds);
            while self.now < until {
                while self.in_flight.len() < clients.min(self.limit.get()) {
                    self.begin(&mut seen);
                }
                seen.refused += u32::from(self.in_flight.len() < clients);
                self.now = self.in_flight.front().map_or(until, |(done, _)| *done);
                self.end_first(&mut seen);
            }
            seen
        }
    }

    #[test]
    fn under_five_times_the_load_nine_tenths_of_the_best_are_in_time() {
        for (rate, own_ms) in [(300.0, 40), (1_000.0, 20), (5_000.0, 10)] {
            let mut shop = Shop::new(rate, own_ms);
            let usual = shop.open(rate / 2.0, 5.0);
            assert_eq!((usual.refused, usual.late), (0, 0), "{usual:?} at {rate}");
            let over = shop.open(rate * 5.0, 10.0);
            assert!(f64::from(over.in_time) >= rate * 10.0 * 0.9, "{over:?} at {rate}, {:?}", shop.limit);
            shop.open(rate / 2.0, 2.0);
            let after = shop.open(rate / 2.0, 5.0);
            assert_eq!((after.refused, after.late), (0, 0), "{after:?} at {rate}");
        }
    }

    #[test]
    fn so_many_patient_clients_as_are_let_in_at_first_are_never_refused() {
        for rate in [1_000.0, 2_600.0, 8_000.0] {
            let mut shop = Shop::new(rate, 10);
            let seen = shop.closed(256, 30.0);
            assert_eq!((seen.refused, seen.late), (0, 0), "{seen:?} at {rate}, {:?}", shop.limit);
        }
    }

    #[test]
    fn a_provider_that_becomes_slow_does_not_keep_buyers_out() {
        let mut shop = Shop::new(1_000.0, 20);
        shop.open(100.0, 5.0);
        shop.own_ms = 3_000;
        shop.open(100.0, 60.0);
        let later = shop.open(100.0, 10.0);
        assert!(later.refused * 20 < 1_000, "{later:?} {:?}", shop.limit);
    }

    #[test]
    fn failures_that_are_quick_teach_nothing() {
        let start = Instant::now();
        let mut limit = Limit::new(Law::REQUESTS, start);
        for call in 0..1_000_u32 {
            limit.ended(start + WINDOW * call / 10, 1, Duration::from_micros(50), false, 5);
        }
        assert!(limit.methods[&1].own_s.is_none());
    }

    proptest! {
        #[test]
        fn the_limit_stays_in_its_bounds(
            calls in prop::collection::vec((0..50_u64, 0..3_000_u64, 0..2_000_u64, any::<bool>(), 1..5_000_usize), 0..500),
        ) {
            let start = Instant::now();
            let mut limit = Limit::new(Law::CALLS, start);
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
            let mut limit = Limit::new(Law::CALLS, start);
            let mut now = start;
            for (method, passed_ms, in_flight) in calls {
                now += Duration::from_millis(passed_ms);
                let method = method % own_ms.len();
                limit.ended(now, method as u64, Duration::from_millis(own_ms[method]), true, in_flight);
            }
            prop_assert_eq!(limit.get(), Law::CALLS.start);
        }
    }
}

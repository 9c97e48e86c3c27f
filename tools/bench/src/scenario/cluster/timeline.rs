use std::time::Duration;

use tokio::time::Instant;

/// What is looked at as one moment.
pub(super) const WINDOW: Duration = Duration::from_millis(200);
/// So many windows in a row are normal before all is.
const IN_A_ROW: usize = 5;
/// Share of a normal window's requests that are done at their first try.
const DONE_MIN: f64 = 0.95;
/// The latency of a normal window, its 90th percentile, is at most so many times the usual one.
const LATENCY_FACTOR: f64 = 2.0;

/// What came of a request at its first try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Created.
    Done,
    /// 503 or 429: the shop has too much to do, or no way to do it.
    Refused,
    /// Any other answer.
    Wrong,
    /// The connection broke after it was sent.
    Cut,
    /// The client gave up.
    Late,
    /// Nobody listened anywhere.
    Nobody,
}

impl Outcome {
    /// What an answer means.
    pub(super) fn of(status: u16) -> Self {
        match status {
            200 | 201 => Self::Done,
            429 | 503 => Self::Refused,
            _ => Self::Wrong,
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) due: Instant,
    /// Until the end of the first try, from when it was due.
    pub(super) took: Duration,
    pub(super) outcome: Outcome,
    /// Whether repeating it helped; none if it was not repeated.
    pub(super) mended: Option<bool>,
}

/// All requests of a load.
pub(super) struct Timeline {
    begin: Instant,
    samples: Vec<Sample>,
}

/// The requests that were due in a time.
pub(super) struct Stretch<'t> {
    samples: Vec<&'t Sample>,
    time: Duration,
}

/// What is normal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Normal {
    latency_max: Duration,
}

impl Timeline {
    pub(super) fn new(begin: Instant) -> Self {
        Self { begin, samples: Vec::new() }
    }

    pub(super) fn add(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    /// From so long after the beginning.
    pub(super) fn stretch(&self, from: Duration, time: Duration) -> Stretch<'_> {
        let (from, to) = (self.begin + from, self.begin + from + time);
        let samples = self.samples.iter().filter(|sample| (from..to).contains(&sample.due)).collect();
        Stretch { samples, time }
    }

    /// What was under way so long after the beginning, and what was due in `time` from then on.
    pub(super) fn since(&self, from: Duration, time: Duration) -> Stretch<'_> {
        let (from, to) = (self.begin + from, self.begin + from + time);
        let touched = |sample: &&Sample| sample.due + sample.took >= from && sample.due < to;
        Stretch { samples: self.samples.iter().filter(touched).collect(), time }
    }

    /// What had ended by then.
    pub(super) fn ended_by(&self, at: Duration) -> Stretch<'_> {
        let to = self.begin + at;
        let ended = |sample: &&Sample| sample.due + sample.took < to;
        Stretch { samples: self.samples.iter().filter(ended).collect(), time: at }
    }

    /// What ended in that time, whenever it was due: a load that falls behind sends later than it should.
    pub(super) fn ended_in(&self, from: Duration, time: Duration) -> Stretch<'_> {
        let (from, to) = (self.begin + from, self.begin + from + time);
        let ended = |sample: &&Sample| (from..to).contains(&(sample.due + sample.took));
        Stretch { samples: self.samples.iter().filter(ended).collect(), time }
    }

    /// Everything.
    pub(super) fn whole(&self) -> Stretch<'_> {
        let last = self.samples.iter().map(|sample| sample.due).max().unwrap_or(self.begin);
        self.stretch(Duration::ZERO, last - self.begin + Duration::from_nanos(1))
    }

    /// When that was, from the beginning.
    pub(super) fn at(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.begin)
    }

    /// What is normal, by what was so in this time: the 90th percentile of a window is at most the worst that was seen, or
    /// twice the middle one.
    pub(super) fn normal(&self, from: Duration, time: Duration) -> Normal {
        let mut seen: Vec<Duration> = self.windows(from, time).map(|window| window.latency(0.9)).collect();
        seen.sort_unstable();
        let middle = seen.get(seen.len() / 2).copied().unwrap_or_default();
        let worst = seen.last().copied().unwrap_or_default();
        Normal { latency_max: worst.max(middle.mul_f64(LATENCY_FACTOR)) }
    }

    /// How long after `from` all was normal again, for a second at least; all of `time` if it never was.
    pub(super) fn recovered(&self, normal: Normal, from: Duration, time: Duration) -> Duration {
        let windows: Vec<bool> = self.windows(from, time).map(|window| normal.fits(&window)).collect();
        let first = windows.windows(IN_A_ROW).position(|row| row.iter().all(|fits| *fits));
        first.and_then(|first| u32::try_from(first).ok()).map_or(time, |first| WINDOW * first)
    }

    fn windows(&self, from: Duration, time: Duration) -> impl Iterator<Item = Stretch<'_>> {
        let count = u32::try_from(time.as_millis() / WINDOW.as_millis()).unwrap_or(0);
        (0..count).map(move |index| self.stretch(from + WINDOW * index, WINDOW))
    }
}

impl Normal {
    fn fits(self, window: &Stretch<'_>) -> bool {
        let done = window.count(Outcome::Done) as f64 / window.len().max(1) as f64;
        done >= DONE_MIN && window.latency(0.9) <= self.latency_max
    }

    /// The 90th percentile that a normal window has at most, milliseconds.
    pub(super) fn latency_max_ms(self) -> f64 {
        self.latency_max.as_secs_f64() * 1e3
    }
}

impl Stretch<'_> {
    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    pub(super) fn count(&self, outcome: Outcome) -> usize {
        self.samples.iter().filter(|sample| sample.outcome == outcome).count()
    }

    /// Requests that were not done at the first try.
    pub(super) fn failed(&self) -> usize {
        self.len() - self.count(Outcome::Done)
    }

    /// Requests that were not done in the end either.
    pub(super) fn lost(&self) -> usize {
        self.samples.iter().filter(|it| it.outcome != Outcome::Done && it.mended != Some(true)).count()
    }

    /// Requests done a second.
    pub(super) fn rate(&self) -> f64 {
        self.count(Outcome::Done) as f64 / self.time.as_secs_f64()
    }

    /// The latency below which this share of the first tries stayed, those without success included.
    pub(super) fn latency(&self, quantile: f64) -> Duration {
        let mut took: Vec<Duration> = self.samples.iter().map(|sample| sample.took).collect();
        took.sort_unstable();
        let index = (took.len().saturating_sub(1) as f64 * quantile).round() as usize;
        took.get(index).copied().unwrap_or_default()
    }

    /// The same in milliseconds.
    pub(super) fn latency_ms(&self, quantile: f64) -> f64 {
        self.latency(quantile).as_secs_f64() * 1e3
    }

    /// What became of those that failed, in words; empty if none did.
    pub(super) fn failures(&self) -> String {
        let kinds = [
            (Outcome::Refused, "refused"),
            (Outcome::Wrong, "answered wrongly"),
            (Outcome::Cut, "cut off"),
            (Outcome::Late, "given up"),
            (Outcome::Nobody, "sent to nobody"),
        ];
        let some = kinds.iter().map(|(kind, name)| (self.count(*kind), name)).filter(|(count, _)| *count > 0);
        some.map(|(count, name)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request each 10 ms for `seconds`, of which those due in `bad` (milliseconds) failed.
    fn timeline(seconds: u64, bad: std::ops::Range<u64>) -> Timeline {
        let begin = Instant::now();
        let mut timeline = Timeline::new(begin);
        for ms in (0..seconds * 1_000).step_by(10) {
            let outcome = if bad.contains(&ms) { Outcome::Cut } else { Outcome::Done };
            let (due, took) = (begin + Duration::from_millis(ms), Duration::from_millis(5));
            timeline.add(Sample { due, took, outcome, mended: Some(true) });
        }
        timeline
    }

    #[test]
    fn recovery_lasts_until_the_windows_are_normal_again() {
        let timeline = timeline(10, 5_000..5_900);
        let (five, two) = (Duration::from_secs(5), Duration::from_secs(2));
        let normal = timeline.normal(two, two);
        assert_eq!(timeline.recovered(normal, five, five), Duration::from_secs(1));
        assert_eq!(timeline.recovered(normal, two, two), Duration::ZERO);
    }

    #[test]
    fn what_never_recovers_takes_all_the_time() {
        let timeline = timeline(10, 5_000..10_000);
        let five = Duration::from_secs(5);
        let normal = timeline.normal(Duration::ZERO, five);
        assert_eq!(timeline.recovered(normal, five, five), five);
    }

    #[test]
    fn what_was_under_way_counts_and_what_had_ended_does_not() {
        let timeline = timeline(2, 990..1_000);
        let at = |ms| Duration::from_millis(ms);
        // The request due at 990 ms ended at 995.
        assert_eq!(timeline.since(at(993), at(500)).failed(), 1);
        assert_eq!(timeline.since(at(996), at(500)).failed(), 0);
        assert_eq!((timeline.ended_by(at(993)).failed(), timeline.ended_by(at(996)).failed()), (0, 1));
    }

    #[test]
    fn what_was_mended_failed_and_is_not_lost() {
        let timeline = timeline(1, 100..200);
        let whole = timeline.whole();
        assert_eq!((whole.len(), whole.failed(), whole.lost()), (100, 10, 0));
        assert_eq!(whole.failures(), "10 cut off");
    }
}

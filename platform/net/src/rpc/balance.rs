use std::time::Duration;

use tokio::time::Instant;

/// How fast old latencies are forgotten: after so long without a call, a little more than a third is left.
const DECAY: Duration = Duration::from_secs(2);

/// What a node is taken to need before anything is known, and what no node is taken to stay under: with less, calls in
/// flight would not count.
pub(super) const LATENCY_MIN: Duration = Duration::from_micros(100);

/// An average of latencies that jumps up at once and comes down slowly (a peak EWMA), so that a node that gets slow is
/// left before many calls wait on it. It comes down without calls, too: a node that was slow is tried again.
///
/// Source: Finagle's `PeakEwma`, <https://twitter.github.io/finagle/guide/Clients.html#power-of-two-choices-p2c-least-loaded>.
#[derive(Debug, Clone, Copy)]
pub(super) struct Latency {
    seconds: f64,
    at: Instant,
}

impl Latency {
    pub(super) fn new(latency: Duration, now: Instant) -> Self {
        Self { seconds: latency.as_secs_f64(), at: now }
    }

    /// Takes in that a call took so long.
    pub(super) fn observe(&mut self, took: Duration, now: Instant) {
        let (took_s, before_s) = (took.as_secs_f64(), self.seconds);
        let kept = self.kept(now);
        self.seconds = if took_s > before_s { took_s } else { took_s + (before_s - took_s) * kept };
        self.at = now;
    }

    /// Takes in that a call which nobody waits for any more has taken so long already.
    pub(super) fn observe_at_least(&mut self, took: Duration, now: Instant) {
        if took > self.read(now) {
            self.observe(took, now);
        }
    }

    /// The latency to expect.
    pub(super) fn read(&self, now: Instant) -> Duration {
        Duration::from_secs_f64(self.seconds * self.kept(now)).max(LATENCY_MIN)
    }

    fn kept(&self, now: Instant) -> f64 {
        (-now.saturating_duration_since(self.at).as_secs_f64() / DECAY.as_secs_f64()).exp()
    }
}

/// What another call would cost: the time that all in flight and itself take.
pub(super) fn cost(latency: Duration, in_flight: usize) -> Duration {
    latency.saturating_mul(u32::try_from(in_flight).unwrap_or(u32::MAX).saturating_add(1))
}

/// The better of two of `count`, chosen at random (power of two choices): nearly as even as asking all, and no herd runs to the one
/// that was best a moment ago. `draw` is 64 random bits.
///
/// Source: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001.
pub(super) fn pick(count: usize, draw: u64, cost: impl Fn(usize) -> Duration) -> Option<usize> {
    let below = |bits: u64, bound: usize| (((bits & 0xffff_ffff) * bound as u64) >> 32) as usize;
    let one = below(draw, count);
    match count {
        0 => None,
        1 => Some(one),
        _ => {
            let other = below(draw >> 32, count - 1);
            let other = if other >= one { other + 1 } else { other };
            Some(if cost(other) < cost(one) { other } else { one })
        }
    }
}

#[cfg(test)]
mod tests {
    use shoal_types::{Rng, SeededRng};

    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_latency_jumps_up_and_comes_down_slowly() {
        let start = Instant::now();
        let mut latency = Latency::new(ms(1), start);
        latency.observe(ms(100), start + ms(10));
        assert_eq!(latency.read(start + ms(10)), ms(100));
        latency.observe(ms(1), start + ms(20));
        assert!(latency.read(start + ms(20)) > ms(98));
        assert!(latency.read(start + ms(2_020)) < ms(38), "also without calls");
        assert_eq!(latency.read(start + ms(60_000)), LATENCY_MIN);
        latency.observe_at_least(ms(5), start + ms(60_000));
        latency.observe_at_least(ms(3), start + ms(60_000));
        assert_eq!(latency.read(start + ms(60_000)), ms(5));
    }

    #[test]
    fn the_better_of_two_is_picked_and_every_pair_comes_up() {
        let rng = SeededRng::new(7);
        let draw = || {
            let mut bytes = [0; 8];
            rng.fill(&mut bytes);
            u64::from_le_bytes(bytes)
        };
        let cost = |index: usize| ms(index as u64);
        assert_eq!((pick(0, draw(), cost), pick(1, draw(), cost)), (None, Some(0)));
        let mut picked = [0_u32; 4];
        for _ in 0..6_000 {
            picked[pick(4, draw(), cost).expect("there are four")] += 1;
        }
        // Of the six pairs the best wins three, the next two, the third one, the worst none.
        assert!((2_800..3_200).contains(&picked[0]), "{picked:?}");
        assert!((1_850..2_150).contains(&picked[1]), "{picked:?}");
        assert!((900..1_100).contains(&picked[2]), "{picked:?}");
        assert_eq!(picked[3], 0);
    }
}

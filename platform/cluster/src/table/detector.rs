/// Heartbeats remembered.
const WINDOW: usize = 64;
/// Heartbeats assumed before any came, so that the first few do not decide alone.
const PRIOR_COUNT: u32 = 5;
/// A silence longer than this is not a rhythm, but an absence; counted no longer than so many ticks.
const INTERVAL_MAX: u64 = 25;

/// Guesses from the rhythm of a node's heartbeats whether it has fallen silent. Time is counted in our own ticks: if
/// this process is held up, it does not hold it against the others.
///
/// Source: phi accrual, with intervals taken as exponentially distributed, as Cassandra does: the probability that a
/// living node is silent for `t` is `exp(-t / mean)`, and phi is the negative decimal logarithm of it.
#[derive(Debug, Clone)]
pub(super) struct Detector {
    heard_at: u64,
    intervals: [u8; WINDOW],
    count: usize,
    next: usize,
    sum: u32,
}

impl Detector {
    /// A node first heard of at `tick`.
    pub(super) fn new(tick: u64) -> Self {
        Self { heard_at: tick, intervals: [0; WINDOW], count: 0, next: 0, sum: 0 }
    }

    /// Notes a heartbeat at `tick`.
    pub(super) fn heard(&mut self, tick: u64) {
        let interval = tick.saturating_sub(self.heard_at).min(INTERVAL_MAX) as u8;
        self.heard_at = tick;
        self.sum += u32::from(interval);
        self.sum -= u32::from(std::mem::replace(&mut self.intervals[self.next], interval));
        self.next = (self.next + 1) % WINDOW;
        self.count = (self.count + 1).min(WINDOW);
    }

    /// How unlikely the silence until `tick` is for a living node that has a heartbeat every `beat` ticks: at `n`, one
    /// in 10^n.
    pub(super) fn phi(&self, tick: u64, beat: u64) -> f64 {
        let beat = beat as f64;
        let silence = tick.saturating_sub(self.heard_at) as f64;
        let weight = self.count as f64 + f64::from(PRIOR_COUNT);
        let mean = (f64::from(self.sum) + f64::from(PRIOR_COUNT) * beat) / weight;
        // What came faster, several at once or when the nodes were fewer, is no reason to expect it.
        silence / mean.max(beat) * std::f64::consts::LOG10_E
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_counts_by_the_rhythm_that_was_before() {
        let (mut quick, mut slow) = (Detector::new(0), Detector::new(0));
        (1..=200).for_each(|tick| quick.heard(tick));
        (1..=50).for_each(|tick| slow.heard(tick * 4));
        assert!(quick.phi(208, 1) < 3.5 && quick.phi(209, 1) > 3.5);
        assert!(slow.phi(228, 1) < 3.5 && slow.phi(232, 1) > 3.5);
        quick.heard(230);
        assert!(quick.phi(231, 1) < 1.0);
    }

    #[test]
    fn many_heartbeats_at_once_do_not_make_it_nervous() {
        let mut detector = Detector::new(7);
        (0..500).for_each(|_| detector.heard(7));
        assert!(detector.phi(14, 1) < 3.5);
        assert!(detector.phi(30, 3) < 3.5);
    }
}

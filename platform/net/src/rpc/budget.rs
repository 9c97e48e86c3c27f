use tokio::time::Instant;

use super::window::Window;

/// Of the calls of the last ten seconds, one in so many may be a retry.
const CALLS_PER_RETRY: u64 = 5;

/// Retries in ten seconds however few the calls: ten a second.
const RETRIES_MIN: u64 = 100;

/// How many retries a service may have, so that trouble is not multiplied by those who meet it.
///
/// A bucket of tokens: each call puts in a fifth of one, each retry takes one out, ten more drip in every second, and a
/// token that is not used within ten seconds is gone. The last keeps a quiet hour from paying for a storm.
#[derive(Debug)]
pub(super) struct Budget {
    /// All calls, and the retries among them.
    window: Window,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self { window: Window::new(now) }
    }

    /// Counts a first attempt.
    pub(super) fn deposit(&mut self, now: Instant) {
        self.window.add(now, 1, 0);
    }

    /// Takes a token for a retry; false if there is none, so that the failure goes to the caller.
    pub(super) fn withdraw(&mut self, now: Instant) -> bool {
        let (calls, retries) = self.window.counts(now);
        let affordable = retries < calls / CALLS_PER_RETRY + RETRIES_MIN;
        if affordable {
            self.window.add(now, 0, 1);
        }
        affordable
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Passes(u64),
        Calls(u64),
        Retries(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..4_000_u64).prop_map(Step::Passes),
            (0..100_u64).prop_map(Step::Calls),
            (0..60_u64).prop_map(Step::Retries),
        ]
    }

    proptest! {
        #[test]
        fn retries_never_exceed_a_fifth_of_the_calls_of_ten_seconds(steps in prop::collection::vec(step(), 1..40)) {
            let start = Instant::now();
            let mut budget = Budget::new(start);
            let (mut now_ms, mut calls, mut granted) = (0, Vec::new(), Vec::new());
            for step in steps {
                match step {
                    Step::Passes(ms) => now_ms += ms,
                    Step::Calls(count) => for _ in 0..count {
                        budget.deposit(start + Duration::from_millis(now_ms));
                        calls.push(now_ms / 1_000);
                    },
                    Step::Retries(count) => for _ in 0..count {
                        if budget.withdraw(start + Duration::from_millis(now_ms)) {
                            granted.push(now_ms / 1_000);
                        } else {
                            let recent = |times: &[u64]| times.iter().filter(|at| **at + 10 > now_ms / 1_000).count();
                            prop_assert!(recent(&granted) >= recent(&calls) / 5 + 100, "refused without need");
                        }
                    },
                }
            }
            for end in granted.iter() {
                let within = |times: &[u64]| times.iter().filter(|at| **at <= *end && **at + 10 > *end).count();
                prop_assert!(within(&granted) <= within(&calls) / 5 + 100);
            }
        }
    }

    #[test]
    fn a_quiet_hour_does_not_pay_for_a_storm() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        (0..100_000).for_each(|_| budget.deposit(start));
        let later = start + Duration::from_secs(11);
        assert_eq!((0..1_000).filter(|_| budget.withdraw(later)).count(), 100);
    }
}

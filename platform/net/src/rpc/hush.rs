use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shoal_types::{Env, Timestamp};

/// How long one cause of a log line is silent after it was logged.
const SILENCE: Duration = Duration::from_secs(60);

/// Causes remembered. Further ones are silent until some of these may be forgotten.
const CAUSES_MAX: usize = 1_024;

/// Keeps those who try again and again from filling the log: each cause is logged once a minute.
pub(super) struct Hush<K>(Mutex<HashMap<K, Timestamp>>);

impl<K> Default for Hush<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq> Hush<K> {
    /// Whether `cause` is to be logged now.
    pub(super) fn lets_log(&self, env: &Env, cause: K) -> bool {
        let now = env.now();
        // Nothing that holds the lock can panic half-way.
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = |at: &Timestamp| now.since(*at) < SILENCE;
        if logged.get(&cause).is_some_and(silent) {
            return false;
        }
        if logged.len() >= CAUSES_MAX {
            logged.retain(|_, at| silent(at));
        }
        let room = logged.len() < CAUSES_MAX;
        if room {
            logged.insert(cause, now);
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shoal_types::{ManualClock, SeededRng};

    use super::*;

    #[test]
    fn a_cause_is_logged_once_a_minute_and_not_too_many_are_remembered() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(0)));
        let env = Env::new(clock.clone(), Arc::new(SeededRng::new(1)));
        let hush = Hush::default();
        assert!(hush.lets_log(&env, 1) && !hush.lets_log(&env, 1) && hush.lets_log(&env, 2));
        clock.advance(Duration::from_secs(60));
        assert!(hush.lets_log(&env, 1));
        let logged = (10..2_000).filter(|cause| hush.lets_log(&env, *cause)).count();
        assert_eq!(logged, CAUSES_MAX - 1, "1 is remembered, 2 was forgotten");
        clock.advance(Duration::from_secs(60));
        assert!(hush.lets_log(&env, 1_999));
    }
}

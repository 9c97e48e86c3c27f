//! When an attempt that failed is made again.

use std::time::Duration;

use shoal_types::Timestamp;

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

const fn hours(count: u64) -> Duration {
    minutes(count * 60)
}

/// The pause after the first try, the second, ..: more than three days in all.
///
/// Source: Standard Webhooks 1.0.0, "Deliverability and reliability".
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    minutes(5),
    minutes(30),
    hours(2),
    hours(5),
    hours(10),
    hours(14),
    hours(20),
    hours(24),
];
/// How much longer a pause may be by chance, thousandths of it. Never shorter, so that the days are full.
pub(crate) const JITTER_PERMILLE_MAX: u32 = 100;
/// However long an endpoint asks to be left alone.
const RETRY_AFTER_MAX: Duration = hours(24);

/// When to try again after `tries` failed, the last of them at `now`; none when they are used up.
///
/// `jitter_permille` is drawn from 0 to [`JITTER_PERMILLE_MAX`]; `retry_after` is what the endpoint asked for.
pub(crate) fn next(
    tries: u32,
    jitter_permille: u32,
    retry_after: Option<Duration>,
    now: Timestamp,
) -> Option<Timestamp> {
    let pause = *PAUSES.get(usize::try_from(tries.saturating_sub(1)).ok()?)?;
    let pause = pause + pause * jitter_permille.min(JITTER_PERMILLE_MAX) / 1_000;
    Some(now.plus(pause.max(asked(retry_after))))
}

/// How long an endpoint asked to be left alone, within bounds.
pub(crate) fn asked(retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or_default().min(RETRY_AFTER_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tries_go_on_for_more_than_three_days_and_end() {
        let start = Timestamp::from_micros(0);
        let mut at = start;
        let mut offsets = Vec::new();
        for tries in 1.. {
            let Some(next) = next(tries, 0, None, at) else { break };
            at = next;
            offsets.push(at.since(start).as_secs());
        }
        // Seconds since the start, as the specification lists them.
        assert_eq!(offsets, [5, 305, 2_105, 9_305, 27_305, 63_305, 113_705, 185_705, 272_105]);
    }

    proptest! {
        #[test]
        fn a_pause_is_never_shorter_than_either_asks(
            tries in 1..10_u32,
            jitter in 0..=JITTER_PERMILLE_MAX,
            asked in proptest::option::of(0..200_000_u64),
        ) {
            let now = Timestamp::from_micros(1_000_000);
            let asked = asked.map(Duration::from_secs);
            let plain = PAUSES[tries as usize - 1];
            let pause = next(tries, jitter, asked, now).expect("not used up").since(now);
            prop_assert!(pause >= plain && pause >= asked.unwrap_or_default().min(RETRY_AFTER_MAX));
            prop_assert!(pause <= (plain + plain / 10).max(RETRY_AFTER_MAX));
        }
    }
}

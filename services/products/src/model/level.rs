//! How much of a variant there is to sell, and what is worth telling when that changes.

/// A level that was crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crossing {
    /// From above the threshold to it, or below.
    Low,
    /// To nothing.
    Out,
    /// From nothing.
    Back,
}

/// What of a variant can be sold, before and after a change, pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) before: i64,
    pub(crate) after: i64,
}

impl Change {
    /// The levels it crosses, in this order. A threshold of 0 is never crossed by itself.
    pub(crate) fn crossings(self, threshold: i64) -> impl Iterator<Item = Crossing> {
        let Self { before, after } = self;
        let fallen_to = |level: i64| before > level && after <= level;
        let low = (threshold > 0 && fallen_to(threshold)).then_some(Crossing::Low);
        let out = fallen_to(0).then_some(Crossing::Out);
        let back = (before <= 0 && after > 0).then_some(Crossing::Back);
        [low, out, back].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn crossings(before: i64, after: i64) -> Vec<Crossing> {
        Change { before, after }.crossings(5).collect()
    }

    #[test]
    fn each_level_is_told_by_the_change_that_crosses_it() {
        assert_eq!(crossings(6, 5), [Crossing::Low]);
        assert_eq!(crossings(5, 4), []);
        assert_eq!(crossings(4, 0), [Crossing::Out]);
        assert_eq!(crossings(100, 0), [Crossing::Low, Crossing::Out]);
        assert_eq!(crossings(0, 3), [Crossing::Back]);
        assert_eq!(crossings(3, 100), []);
        assert_eq!(crossings(0, 0), []);
        assert_eq!(Change { before: 1, after: 0 }.crossings(0).collect::<Vec<_>>(), [Crossing::Out]);
    }

    proptest! {
        /// However the way there is cut into changes, what is told is what was crossed.
        #[test]
        fn out_and_back_take_turns_and_low_is_told_only_from_above(
            levels in prop::collection::vec(0_i64..12, 2..60),
            threshold in 0_i64..8,
        ) {
            let (mut there, mut above) = (levels[0] > 0, levels[0] > threshold);
            for pair in levels.windows(2) {
                for crossing in (Change { before: pair[0], after: pair[1] }).crossings(threshold) {
                    match crossing {
                        Crossing::Low => prop_assert!(above),
                        Crossing::Out => prop_assert!(there),
                        Crossing::Back => prop_assert!(!there),
                    }
                    there = crossing != Crossing::Out && (there || crossing == Crossing::Back);
                }
                above = pair[1] > threshold;
                prop_assert_eq!(there, pair[1] > 0);
            }
        }
    }
}

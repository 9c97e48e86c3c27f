//! What is asked of stock: lines to hold or to book back, and changes by staff.

use std::collections::HashMap;

use shoal_contract::products::{MovementKind, StockChange, StockLine, VariantId};
use shoal_types::Fault;

/// The most lines of one reservation.
const LINES_MAX: usize = 1_000;
/// The most pieces of one line, and of one change.
const PIECES_MAX: i64 = 1_000_000_000;
/// The most pieces a shelf holds: a thousand times the largest change.
const ON_HAND_MAX: i64 = 1_000_000_000_000;

/// The demand of `lines`, those of one variant summed, in the order of first mention.
///
/// # Errors
/// `Invalid` for no or too many lines, or a quantity outside 1 to 1,000,000,000.
pub(crate) fn demand(lines: &[StockLine]) -> Result<Vec<StockLine>, Fault> {
    if lines.is_empty() || lines.len() > LINES_MAX {
        return Err(Fault::invalid("lines", "range", "expected 1 to 1000 lines"));
    }
    let mut places: HashMap<VariantId, usize> = HashMap::with_capacity(lines.len());
    let mut summed: Vec<StockLine> = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        if !(1..=PIECES_MAX).contains(&line.quantity) {
            let field = format!("lines[{index}].quantity");
            return Err(Fault::invalid(field, "range", "expected 1 to 1000000000 pieces"));
        }
        match places.get(&line.variant) {
            // A thousand lines of a billion pieces are far from the end of an `i64`.
            Some(place) => summed[*place].quantity += line.quantity,
            None => {
                places.insert(line.variant, summed.len());
                summed.push(*line);
            }
        }
    }
    Ok(summed)
}

/// What is on a shelf, in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
}

impl Counted {
    /// What can be sold.
    pub(crate) fn available(self) -> i64 {
        self.on_hand - self.reserved
    }
}

/// A change of staff, worked out for a shelf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Booking {
    /// The word in the ledger.
    pub(crate) kind: MovementKind,
    /// Change of `on_hand`, pieces.
    pub(crate) by: i64,
    /// Whether the shelf would hold less than is held for checkouts: such a change is refused.
    pub(crate) short: bool,
}

/// Works out what `change` does to a shelf.
///
/// # Errors
/// `Invalid` for a number outside the range of its change, or a shelf beyond 1,000,000,000,000 pieces.
pub(crate) fn booking(change: StockChange, shelf: Counted) -> Result<Booking, Fault> {
    let (kind, field, by) = match change {
        StockChange::Receive(pieces) => {
            in_range(pieces, 1, "change.receive", "expected 1 to 1000000000 pieces")?;
            (MovementKind::Receive, "change.receive", pieces)
        }
        StockChange::Correct(pieces) => {
            in_range(pieces, -PIECES_MAX, "change.correct", "expected at most 1000000000 pieces")?;
            if pieces == 0 {
                return Err(Fault::invalid("change.correct", "range", "expected a number other than 0"));
            }
            (MovementKind::Correct, "change.correct", pieces)
        }
        StockChange::Count(pieces) => {
            in_range(pieces, 0, "change.count", "expected 0 to 1000000000 pieces")?;
            (MovementKind::Count, "change.count", pieces - shelf.on_hand)
        }
    };
    let on_hand = shelf.on_hand + by;
    if on_hand > ON_HAND_MAX {
        return Err(Fault::invalid(field, "range", "a shelf holds at most 1000000000000 pieces"));
    }
    Ok(Booking { kind, by, short: on_hand < shelf.reserved })
}

fn in_range(pieces: i64, min: i64, field: &str, message: &str) -> Result<(), Fault> {
    if (min..=PIECES_MAX).contains(&pieces) { Ok(()) } else { Err(Fault::invalid(field, "range", message)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shoal_types::{Rng, SeededRng, Timestamp};

    use super::*;

    fn variants(count: usize) -> Vec<VariantId> {
        let rng: &dyn Rng = &SeededRng::new(1);
        (0..count).map(|_| rng.id(Timestamp::from_micros(1))).collect()
    }

    #[test]
    fn quantities_and_line_counts_have_limits() {
        let variant = variants(1)[0];
        let line = |quantity| StockLine { variant, quantity };
        assert!(demand(&[]).is_err() && demand(&vec![line(1); 1_001]).is_err());
        for quantity in [0, -1, i64::MIN, i64::MAX, PIECES_MAX + 1] {
            assert!(demand(&[line(quantity)]).is_err(), "{quantity}");
        }
        assert_eq!(demand(&vec![line(PIECES_MAX); 1_000]), Ok(vec![line(PIECES_MAX * 1_000)]));
    }

    #[test]
    fn changes_have_limits() {
        let shelf = Counted { on_hand: 5, reserved: 3 };
        for change in [
            StockChange::Receive(0),
            StockChange::Receive(-1),
            StockChange::Receive(i64::MAX),
            StockChange::Correct(0),
            StockChange::Correct(i64::MIN),
            StockChange::Count(-1),
        ] {
            assert!(booking(change, shelf).is_err(), "{change:?}");
        }
        let full = Counted { on_hand: ON_HAND_MAX, reserved: 0 };
        assert!(booking(StockChange::Receive(1), full).is_err());
        assert!(booking(StockChange::Correct(-3), shelf).is_ok_and(|booking| booking.short));
        assert!(
            booking(StockChange::Count(3), shelf).is_ok_and(|booking| !booking.short && booking.by == -2)
        );
    }

    proptest! {
        #[test]
        fn summing_loses_no_piece(picks in prop::collection::vec((0_usize..5, 1_i64..1_000), 1..50)) {
            let variants = variants(5);
            let lines: Vec<StockLine> = picks
                .iter()
                .map(|(pick, quantity)| StockLine { variant: variants[*pick], quantity: *quantity })
                .collect();
            let summed = demand(&lines).expect("in range");
            for variant in variants {
                let of = |lines: &[StockLine]| -> i64 {
                    lines.iter().filter(|line| line.variant == variant).map(|line| line.quantity).sum()
                };
                prop_assert_eq!(of(&summed), of(&lines));
                prop_assert!(summed.iter().filter(|line| line.variant == variant).count() <= 1);
            }
        }
    }
}

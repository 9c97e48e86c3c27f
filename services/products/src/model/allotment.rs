//! Who gets what when more may be asked for than there is.

use std::collections::{BTreeMap, HashMap};

use shoal_contract::products::{Error, Reservation, ReservationKey, StockLine, VariantId};

/// What can still be sold of a variant. One that is not for sale has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) sku: String,
    /// Pieces.
    pub(crate) available: i64,
}

/// What becomes of a request to hold stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It fits, so it is to be held.
    Hold,
    /// It has the key of the one at this place, which is to be held.
    Repeat(usize),
    /// Its key was used before: the first reservation as it is now.
    Known(Reservation),
    /// It cannot be held.
    Refused(Error),
}

/// Decides about the holds `asked` for, in order of arrival: each gets all its lines of what those before it have
/// left, or nothing, and then takes nothing from those behind it. `earlier` reservations keep their keys.
pub(crate) fn allot(
    asked: &[Reservation],
    earlier: &HashMap<ReservationKey, Reservation>,
    mut left: HashMap<VariantId, Left>,
) -> Vec<Verdict> {
    let mut held: HashMap<ReservationKey, usize> = HashMap::new();
    let mut verdict = |(place, hold): (usize, &Reservation)| {
        if let Some(first) = earlier.get(&hold.key) {
            return known(first);
        }
        if let Some(first) = held.get(&hold.key) {
            return Verdict::Repeat(*first);
        }
        if let Err(error) = take(&hold.lines, &mut left) {
            return Verdict::Refused(error);
        }
        held.insert(hold.key, place);
        Verdict::Hold
    };
    asked.iter().enumerate().map(&mut verdict).collect()
}

/// A key that was released before it was ever reserved: the caller that undid it does not expect it to hold anything.
fn known(first: &Reservation) -> Verdict {
    if first.lines.is_empty() {
        Verdict::Refused(Error::ReservationGone {})
    } else {
        Verdict::Known(first.clone())
    }
}

/// Takes all lines, which name each variant once, or none.
///
/// # Errors
/// Names the first line of which there is too little, or none for sale.
fn take(lines: &[StockLine], left: &mut HashMap<VariantId, Left>) -> Result<(), Error> {
    for line in lines {
        let Some(Left { sku, available }) = left.get(&line.variant) else {
            return Err(Error::UnknownSku { sku: line.variant.to_string() });
        };
        if *available < line.quantity {
            let (sku, requested) = (sku.clone(), line.quantity);
            return Err(Error::StockTooLow { sku, requested, available: *available });
        }
    }
    for line in lines {
        if let Some(left) = left.get_mut(&line.variant) {
            left.available -= line.quantity;
        }
    }
    Ok(())
}

/// The sum of `lines` for each variant, by the variant's id: the order in which shelves are locked.
pub(crate) fn total<'l>(lines: impl IntoIterator<Item = &'l StockLine>) -> Vec<StockLine> {
    let mut sums: BTreeMap<VariantId, i64> = BTreeMap::new();
    for line in lines {
        // Some thousand lines of a billion pieces are far from the end of an `i64`.
        *sums.entry(line.variant).or_default() += line.quantity;
    }
    sums.into_iter().map(|(variant, quantity)| StockLine { variant, quantity }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shoal_contract::products::ReservationState;
    use shoal_types::Timestamp;

    use super::*;

    const GOODS: u8 = 4;

    fn variant(number: u8) -> VariantId {
        VariantId::from_digest([number; 16])
    }

    fn hold(key: u8, lines: &[(u8, i64)]) -> Reservation {
        let lines = lines.iter().map(|(number, quantity)| (variant(*number), *quantity));
        let lines = lines.map(|(variant, quantity)| StockLine { variant, quantity });
        Reservation {
            key: ReservationKey::from_digest([key; 16]),
            state: ReservationState::Held,
            lines: total(&lines.collect::<Vec<_>>()),
            expires_at: Timestamp::from_micros(i64::from(key)),
        }
    }

    fn shelves(pieces: &[i64]) -> HashMap<VariantId, Left> {
        let left = |(number, available): (u8, &i64)| {
            (variant(number), Left { sku: format!("SKU-{number}"), available: *available })
        };
        (0..).zip(pieces).map(left).collect()
    }

    fn asked() -> impl Strategy<Value = Vec<Reservation>> {
        let lines = prop::collection::vec((0..GOODS + 1, 1_i64..6), 1..4);
        prop::collection::vec((0_u8..20, lines), 1..30)
            .prop_map(|asked| asked.iter().map(|(key, lines)| hold(*key, lines)).collect())
    }

    fn stocked() -> impl Strategy<Value = Vec<i64>> {
        prop::collection::vec(0_i64..25, usize::from(GOODS))
    }

    /// A few keys that were used before; one of them was released before it was ever reserved.
    fn known_keys() -> HashMap<ReservationKey, Reservation> {
        let gone = Reservation { state: ReservationState::Released, ..hold(2, &[]) };
        [hold(1, &[(0, 9)]), gone].map(|first| (first.key, first)).into()
    }

    #[test]
    fn a_request_that_does_not_fit_leaves_room_for_those_behind_it() {
        let asked = [hold(10, &[(0, 1), (1, 4)]), hold(11, &[(0, 2)]), hold(12, &[(1, 3), (9, 1)])];
        let verdicts = allot(&asked, &HashMap::new(), shelves(&[2, 3]));
        let short = Error::StockTooLow { sku: "SKU-1".to_owned(), requested: 4, available: 3 };
        let unknown = Error::UnknownSku { sku: variant(9).to_string() };
        assert_eq!(verdicts, [Verdict::Refused(short), Verdict::Hold, Verdict::Refused(unknown)]);
    }

    #[test]
    fn a_repeated_key_gets_the_first_answer() {
        let asked = [
            hold(1, &[(0, 1)]),
            hold(2, &[(0, 1)]),
            hold(3, &[(0, 9)]),
            hold(3, &[(0, 1)]),
            hold(3, &[(0, 9)]),
        ];
        let earlier = known_keys();
        let verdicts = allot(&asked, &earlier, shelves(&[2]));
        let short = Error::StockTooLow { sku: "SKU-0".to_owned(), requested: 9, available: 2 };
        assert_eq!(
            verdicts,
            [
                Verdict::Known(earlier[&asked[0].key].clone()),
                Verdict::Refused(Error::ReservationGone {}),
                // What was refused leaves no trace, so the second try counts as the first.
                Verdict::Refused(short),
                Verdict::Hold,
                Verdict::Repeat(3),
            ]
        );
    }

    proptest! {
        #[test]
        fn nothing_is_given_that_is_not_there(asked in asked(), pieces in stocked()) {
            let verdicts = allot(&asked, &known_keys(), shelves(&pieces));
            let held = asked.iter().zip(&verdicts).filter(|(_, verdict)| **verdict == Verdict::Hold);
            let held: Vec<&Reservation> = held.map(|(hold, _)| hold).collect();
            let sums = total(held.iter().flat_map(|hold| &hold.lines));
            let shelves = shelves(&pieces);
            prop_assert!(sums.iter().all(|sum| sum.quantity <= shelves[&sum.variant].available));
            let mut keys: Vec<_> = held.iter().map(|hold| hold.key).collect();
            keys.sort();
            keys.dedup();
            prop_assert_eq!(keys.len(), held.len(), "a key is held once");
        }

        #[test]
        fn who_comes_later_changes_nothing_for_who_came_first(
            asked in asked(),
            pieces in stocked(),
            cut in 0_usize..30,
        ) {
            let cut = cut.min(asked.len());
            let all = allot(&asked, &known_keys(), shelves(&pieces));
            let first = allot(&asked[..cut], &known_keys(), shelves(&pieces));
            prop_assert_eq!(&all[..cut], &first[..]);
        }

        #[test]
        fn who_is_refused_takes_nothing(asked in asked(), pieces in stocked()) {
            let verdicts = allot(&asked, &known_keys(), shelves(&pieces));
            let stays = |verdict: &Verdict| !matches!(verdict, Verdict::Refused(_));
            let kept = asked.iter().zip(&verdicts).filter(|(_, verdict)| stays(verdict));
            let kept: Vec<Reservation> = kept.map(|(hold, _)| hold.clone()).collect();
            let alone = allot(&kept, &known_keys(), shelves(&pieces));
            let count = |all: &[Verdict]| all.iter().filter(|one| **one == Verdict::Hold).count();
            prop_assert!(alone.iter().all(stays));
            prop_assert_eq!(count(&alone), count(&verdicts));
        }

        #[test]
        fn who_is_refused_would_not_have_fitted(asked in asked(), pieces in stocked()) {
            let mut left = shelves(&pieces);
            for (hold, verdict) in asked.iter().zip(allot(&asked, &known_keys(), shelves(&pieces))) {
                match verdict {
                    Verdict::Hold => for line in &hold.lines {
                        left.get_mut(&line.variant).expect("for sale").available -= line.quantity;
                    },
                    Verdict::Refused(Error::StockTooLow { sku, requested, available }) => {
                        let line = hold.lines.iter().find(|line| line.quantity > left[&line.variant].available);
                        let line = line.expect("a line is short");
                        let shelf = &left[&line.variant];
                        prop_assert_eq!((&sku, available), (&shelf.sku, shelf.available));
                        prop_assert_eq!(requested, line.quantity);
                    }
                    Verdict::Refused(Error::UnknownSku { sku }) => prop_assert_eq!(sku, variant(GOODS).to_string()),
                    _ => {}
                }
            }
        }
    }
}

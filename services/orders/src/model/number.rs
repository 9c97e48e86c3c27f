use shoal_contract::orders::OrderId;

/// Crockford's base 32 in capitals: no I, L, O or U, so that a number survives being read out on the telephone.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters between two hyphens.
const GROUP: u32 = 4;
/// How often a longer number may be tried; the last holds 120 bits of the id.
pub(crate) const ATTEMPTS: u32 = 5;

/// The number of an order placed here: `S-7K2M-9QXD`, from the random bits of its id.
///
/// The same id and attempt give the same number; each further `attempt`, from 0, makes it a group longer, for the
/// case that another order has the shorter one.
pub(crate) fn order_number(order: OrderId, attempt: u32) -> String {
    let bits = order.uuid().as_u128();
    let groups = 2 + attempt.min(ATTEMPTS - 1);
    let mut number = String::from("S");
    for place in 0..groups * GROUP {
        if place % GROUP == 0 {
            number.push('-');
        }
        // The low bits of a UUIDv7 are random, the high ones its time.
        let digit = (bits >> (5 * place)) as usize & 31;
        number.push(char::from(ALPHABET[digit]));
    }
    number
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use shoal_types::{Rng, SeededRng, Timestamp};

    use super::*;

    #[test]
    fn numbers_are_short_stable_and_grow_when_taken() {
        let rng: &dyn Rng = &SeededRng::new(7);
        let order = rng.id(Timestamp::from_micros(1_700_000_000_000_000));
        let (short, longer) = (order_number(order, 0), order_number(order, 1));
        assert_eq!((short.len(), short.matches('-').count()), (11, 2));
        assert_eq!(short, order_number(order, 0));
        assert!(longer.starts_with(&short) && longer.len() == 16);
    }

    #[test]
    fn ids_of_one_instant_have_different_numbers() {
        let rng: &dyn Rng = &SeededRng::new(7);
        let number = |_| order_number(rng.id(Timestamp::default()), 0);
        assert_eq!((0..10_000).map(number).collect::<HashSet<_>>().len(), 10_000);
    }
}

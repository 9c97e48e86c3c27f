use shoal_contract::orders::OrderId;

/// Crockford's base 32 in capitals: no I, L, O or U, so that a number survives being read out on the telephone.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters between two hyphens.
const GROUP: u32 = 4;
/// Groups of a number: 60 of the bits that are random in a UUIDv7. Of shops with a hundred million orders one in 230 has
/// two that share a number. Both are found by it then; only people go by numbers, all else goes by ids.
const GROUPS: u32 = 3;

/// The number of an order placed here: `S-7K2M-9QXD-4T1B`, from the random bits of its id. The same id gives the same
/// number; there are so many that none has to be claimed.
pub(crate) fn order_number(order: OrderId) -> String {
    let bits = order.uuid().as_u128();
    let mut number = String::from("S");
    for place in 0..GROUPS * GROUP {
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
    fn a_number_is_short_and_its_orders_alone() {
        let rng: &dyn Rng = &SeededRng::new(7);
        let order = rng.id(Timestamp::from_micros(1_700_000_000_000_000));
        let number = order_number(order);
        assert_eq!((number.len(), number.matches('-').count()), (16, 3));
        assert_eq!(number, order_number(order));
    }

    #[test]
    fn every_bit_of_a_number_is_random() {
        let rng: &dyn Rng = &SeededRng::new(7);
        let numbers: Vec<String> = (0..100).map(|_| order_number(rng.id(Timestamp::default()))).collect();
        for place in (0..16).filter(|place| place % 5 != 1 && *place > 0) {
            let digits: HashSet<u8> = numbers.iter().map(|number| number.as_bytes()[place]).collect();
            assert!(digits.len() > 24, "place {place} has only {} digits", digits.len());
        }
    }

    #[test]
    fn ids_of_one_instant_have_different_numbers() {
        let rng: &dyn Rng = &SeededRng::new(7);
        let number = |_| order_number(rng.id(Timestamp::default()));
        assert_eq!((0..10_000).map(number).collect::<HashSet<_>>().len(), 10_000);
    }
}

//! Rows as bytes, the same for every engine, and their sum.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::Value;

const NULL: u8 = 0;
const NUMBER: u8 = 1;
const TEXT: u8 = 2;
const BYTES: u8 = 3;

/// Appends each value as a tag and 8 bytes of number, or a tag, 8 bytes of length and the bytes; lowest byte last. An id
/// is its 16 bytes. No two lists of values have the same encoding.
pub(crate) fn encode(values: &[Value], out: &mut Vec<u8>) {
    let bytes = |out: &mut Vec<u8>, tag, bytes: &[u8]| {
        out.push(tag);
        out.extend((bytes.len() as u64).to_be_bytes());
        out.extend(bytes);
    };
    for value in values {
        match value {
            Value::Null => out.push(NULL),
            Value::I64(number) => {
                out.push(NUMBER);
                out.extend(number.to_be_bytes());
            }
            Value::Text(text) => bytes(out, TEXT, text.as_bytes()),
            Value::Blob(blob) => bytes(out, BYTES, blob),
            Value::Uuid(uuid) => bytes(out, BYTES, uuid.as_bytes()),
        }
    }
}

/// The values of an encoding; `None` if it is none. Ids come back as bytes.
pub(crate) fn decode(mut bytes: &[u8]) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    while let Some((tag, rest)) = bytes.split_first() {
        if *tag == NULL {
            values.push(Value::Null);
            bytes = rest;
            continue;
        }
        let (number, rest) = rest.split_first_chunk::<8>()?;
        if *tag == NUMBER {
            values.push(Value::I64(i64::from_be_bytes(*number)));
            bytes = rest;
            continue;
        }
        let (content, rest) = rest.split_at_checked(u64::from_be_bytes(*number).try_into().ok()?)?;
        values.push(match *tag {
            TEXT => Value::Text(String::from_utf8(content.to_vec()).ok()?),
            BYTES => Value::Blob(content.to_vec()),
            _ => return None,
        });
        bytes = rest;
    }
    Some(values)
}

/// What a value takes in memory and on the wire, about.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::I64(_) => 8,
        Value::Text(text) => 8 + text.len(),
        Value::Blob(blob) => 8 + blob.len(),
        Value::Uuid(_) => 24,
    }
}

/// How many rows there are and what is in them, whatever their order: the sum of the SHA-256 of each row's encoding, as
/// numbers of 256 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest {
    /// The number of rows.
    pub rows: u64,
    /// Lowest part first.
    sum: [u64; 4],
}

impl Digest {
    /// Counts a row in.
    pub(crate) fn add(&mut self, row: &[Value]) {
        let mut bytes = Vec::new();
        encode(row, &mut bytes);
        self.add_hash(Sha256::digest(bytes).into());
    }

    fn add_hash(&mut self, hash: [u8; 32]) {
        self.rows += 1;
        let mut carry = false;
        let (parts, _) = hash.as_chunks::<8>();
        for (own, part) in self.sum.iter_mut().zip(parts) {
            (*own, carry) = own.carrying_add(u64::from_le_bytes(*part), carry);
        }
    }

    /// The sum, in 64 hexadecimal digits.
    pub fn checksum(&self) -> String {
        self.sum.iter().rev().map(|part| format!("{part:016x}")).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows, {}", self.rows, self.checksum())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Vec<Value>> {
        let value = prop_oneof![
            Just(Value::Null),
            prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), Just(-1)].prop_map(Value::I64),
            ".{0,20}".prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Blob),
        ];
        prop::collection::vec(value, 0..6)
    }

    fn encoded(values: &[Value]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(values, &mut bytes);
        bytes
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(values in values()) {
            prop_assert_eq!(decode(&encoded(&values)), Some(values));
        }

        #[test]
        fn other_values_have_another_encoding(one in values(), other in values()) {
            prop_assert_eq!(encoded(&one) == encoded(&other), one == other);
        }

        #[test]
        fn no_bytes_are_too_strange_to_be_looked_at(bytes in prop::collection::vec(0..5_u8, 0..40)) {
            if let Some(values) = decode(&bytes) {
                prop_assert_eq!(encoded(&values), bytes);
            }
        }

        #[test]
        fn the_order_of_rows_does_not_matter(mut rows in prop::collection::vec(values(), 0..8)) {
            let sum = |rows: &[Vec<Value>]| {
                let mut digest = Digest::default();
                rows.iter().for_each(|row| digest.add(row));
                digest
            };
            let before = sum(&rows);
            rows.reverse();
            prop_assert_eq!(sum(&rows), before);
        }
    }

    #[test]
    fn an_id_is_its_bytes() {
        let id = uuid::Uuid::from_u128(7);
        assert_eq!(encoded(&[Value::Uuid(id)]), encoded(&[Value::Blob(id.as_bytes().to_vec())]));
    }

    #[test]
    fn sums_carry_and_wrap_at_256_bits() {
        let mut digest = Digest { rows: 0, sum: [u64::MAX, u64::MAX, 0, 0] };
        let mut one = [0; 32];
        one[0] = 1;
        digest.add_hash(one);
        assert_eq!(digest.sum, [0, 0, 1, 0]);
        let mut digest = Digest { rows: 0, sum: [u64::MAX; 4] };
        digest.add_hash(one);
        assert_eq!((digest.sum, digest.rows), ([0; 4], 1));
        assert_eq!(
            Digest { rows: 1, sum: [10, 0, 0, 1] }.checksum(),
            format!("{:016x}{:032x}{:016x}", 1, 0, 10)
        );
    }

    #[test]
    fn rows_that_are_there_twice_count_twice() {
        let row = [Value::I64(1)];
        let (mut once, mut twice) = (Digest::default(), Digest::default());
        once.add(&row);
        twice.add(&row);
        twice.add(&row);
        assert_ne!(once.sum, twice.sum);
    }
}

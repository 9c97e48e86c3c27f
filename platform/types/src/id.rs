use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What an [`Id`] names. Its prefix is part of the id's text.
pub trait Noun: 'static {
    /// Lowercase letters and underscores, at most 20: `product`, `order`.
    const PREFIX: &'static str;
}

/// The id of a `T`: a UUIDv7, shown as a TypeID (`product_01h455vb4pex5vsknk084sn02q`).
///
/// The suffix is 26 characters of Crockford's base 32, lowercase, so ids sort by time as text too.
///
/// Source: TypeID 0.3, <https://github.com/jetify-com/typeid/tree/main/spec>; RFC 9562.
pub struct Id<T> {
    uuid: Uuid,
    noun: PhantomData<fn() -> T>,
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX_LEN: usize = 26;

/// Why a text is no id of the wanted noun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdError {
    /// The prefix that was expected.
    pub expected: &'static str,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected an id such as {}_01h455vb4pex5vsknk084sn02q", self.expected)
    }
}

impl std::error::Error for IdError {}

impl<T: Noun> Id<T> {
    /// Wraps a UUID read from storage or drawn by `Rng::id`.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, noun: PhantomData }
    }

    /// An id that is always the same for the same `name`: imports use it so that a second run finds the first.
    /// A UUIDv8 whose bits are the caller's digest (`name` must already be a hash of at least 16 bytes).
    pub const fn from_digest(digest: [u8; 16]) -> Self {
        Self::from_uuid(uuid::Builder::from_custom_bytes(digest).into_uuid())
    }

    /// The id with the same bits of another noun: an order's from its checkout's.
    pub const fn cast<U: Noun>(self) -> Id<U> {
        Id::from_uuid(self.uuid)
    }

    /// The UUID within.
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }
}

impl<T: Noun> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.uuid.as_u128();
        let mut suffix = [0_u8; SUFFIX_LEN];
        for place in suffix.iter_mut().rev() {
            *place = ALPHABET[(value & 31) as usize];
            value >>= 5;
        }
        f.write_str(T::PREFIX)?;
        f.write_str("_")?;
        f.write_str(std::str::from_utf8(&suffix).unwrap_or_default())
    }
}

impl<T: Noun> FromStr for Id<T> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = IdError { expected: T::PREFIX };
        let suffix =
            text.strip_prefix(T::PREFIX).and_then(|rest| rest.strip_prefix('_')).ok_or(error.clone())?;
        // 26 characters hold 130 bits: the first may only use its low three.
        if suffix.len() != SUFFIX_LEN || suffix.as_bytes()[0] > b'7' {
            return Err(error);
        }
        let mut value = 0_u128;
        for byte in suffix.bytes() {
            let digit = ALPHABET.iter().position(|&letter| letter == byte).ok_or(error.clone())?;
            value = value << 5 | digit as u128;
        }
        Ok(Self::from_uuid(Uuid::from_u128(value)))
    }
}

impl<T: Noun> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// Derives would ask `T` for the same traits; an id is copyable and comparable whatever it names.
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<T: Noun> Serialize for Id<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: Noun> Deserialize<'de> for Id<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<T: Noun> utoipa::PartialSchema for Id<T> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(format!("TypeID with the prefix `{}`", T::PREFIX)))
            .pattern(Some(format!("^{}_[0-7][0-9abcdefghjkmnpqrstvwxyz]{{25}}$", T::PREFIX)))
            .into()
    }
}

impl<T: Noun> utoipa::ToSchema for Id<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        let mut name = String::new();
        for word in T::PREFIX.split('_') {
            let mut letters = word.chars();
            name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            name.push_str(letters.as_str());
        }
        name.push_str("Id");
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Rng, SeededRng, Timestamp};

    #[derive(Debug)]
    struct Fish;
    impl Noun for Fish {
        const PREFIX: &'static str = "fish";
    }

    #[test]
    fn the_specification_vector_holds() {
        let uuid: Uuid = "01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("valid");
        assert_eq!(Id::<Fish>::from_uuid(uuid).to_string(), "fish_01h455vb4pex5vsknk084sn02q");
    }

    #[test]
    fn later_ids_sort_later() {
        let rng: &dyn Rng = &SeededRng::new(1);
        let first = rng.id::<Fish>(Timestamp::from_micros(1_000_000));
        let second = rng.id::<Fish>(Timestamp::from_micros(2_000_000));
        assert!(first < second && first.to_string() < second.to_string());
    }

    proptest! {
        #[test]
        fn text_round_trips(bits: u128) {
            let id = Id::<Fish>::from_uuid(Uuid::from_u128(bits));
            prop_assert_eq!(id.to_string().parse::<Id<Fish>>(), Ok(id));
        }

        #[test]
        fn any_text_is_an_id_or_an_error(text in ".{0,40}") {
            let _ = text.parse::<Id<Fish>>();
        }
    }

    #[test]
    fn the_wrong_noun_or_an_overflow_is_refused() {
        for text in [
            "bird_01h455vb4pex5vsknk084sn02q",
            "fish_81h455vb4pex5vsknk084sn02q",
            "fish_",
            "",
            "fish_01H455VB4PEX5VSKNK084SN02Q",
        ] {
            assert!(text.parse::<Id<Fish>>().is_err(), "{text}");
        }
    }
}

use shoal_types::{Currency, Id, Noun, Role, Timestamp};
use uuid::Uuid;

/// A parameter of a statement. Every engine can bind these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `bigint`; also `smallint` 0 and 1 for booleans.
    I64(i64),
    /// `text` and `char(n)`.
    Text(String),
    /// `bytea`.
    Blob(Vec<u8>),
    /// `uuid`: the 16 bytes of an id.
    Uuid(Uuid),
}

/// A value of a row, as the engine holds it. An id is a [`ValueRef::Blob`] of 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// `null`.
    Null,
    /// Any whole number.
    I64(i64),
    /// Text.
    Text(&'a str),
    /// Bytes, or the 16 bytes of an id.
    Blob(&'a [u8]),
}

impl ValueRef<'_> {
    /// The type's name, for messages.
    pub(crate) const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::I64(_) => "a whole number",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
        }
    }
}

/// The parameters `$1, $2, ..` of a statement, each anything that converts into a [`Value`].
///
/// ```
/// use shoal_sql::{Value, params};
/// assert_eq!(params![7, "mug", None::<i64>], [Value::I64(7), Value::Text("mug".into()), Value::Null]);
/// ```
#[macro_export]
macro_rules! params {
    () => { <[$crate::Value; 0]>::default() };
    ($($value:expr),+ $(,)?) => { [$($crate::Value::from($value)),+] };
}

macro_rules! whole_numbers {
    ($($number:ty),+) => {
        $(impl From<$number> for Value {
            fn from(number: $number) -> Self {
                Self::I64(i64::from(number))
            }
        })+
    };
}

whole_numbers!(i64, i32, i16, u32, u16, u8, bool);

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl<T: Noun> From<Id<T>> for Value {
    fn from(id: Id<T>) -> Self {
        Self::Uuid(id.uuid())
    }
}

impl From<Uuid> for Value {
    fn from(uuid: Uuid) -> Self {
        Self::Uuid(uuid)
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::I64(at.as_micros())
    }
}

impl From<Currency> for Value {
    fn from(currency: Currency) -> Self {
        Self::Text(currency.code().to_owned())
    }
}

impl From<Role> for Value {
    fn from(role: Role) -> Self {
        Self::Text(role.as_str().to_owned())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

use shoal_types::{Currency, Id, Money, Noun, Role, Timestamp};
use uuid::Uuid;

use crate::{Error, ValueRef};

/// One row of an answer. Columns are read by their position in the `select` list, from 0.
pub struct Row<'r> {
    inner: Inner<'r>,
}

enum Inner<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl<'r> Row<'r> {
    pub(crate) fn sqlite(row: &'r rusqlite::Row<'r>) -> Self {
        Self { inner: Inner::Sqlite(row) }
    }

    pub(crate) fn postgres(row: &'r tokio_postgres::Row) -> Self {
        Self { inner: Inner::Postgres(row) }
    }

    /// Reads column `index`.
    ///
    /// # Errors
    /// `Column` if there is no such column or its value is no `T`.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T, Error> {
        let value = self.value(index)?;
        T::from_value(value).ok_or_else(|| Error::Column {
            index,
            expected: std::any::type_name::<T>(),
            found: value.type_name(),
        })
    }

    /// Reads an amount in minor units from column `index` and its currency from the next.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn money(&self, index: usize) -> Result<Money, Error> {
        Ok(Money::new(self.get(index)?, self.get(index + 1)?))
    }

    fn value(&self, index: usize) -> Result<ValueRef<'_>, Error> {
        let value = match self.inner {
            Inner::Sqlite(row) => from_sqlite(row, index),
            Inner::Postgres(row) => from_postgres(row, index),
        };
        let expected = "null, a whole number, text or bytes";
        value.map_err(|found| Error::Column { index, expected, found })
    }
}

/// The value, or what is there instead of one.
fn from_sqlite<'r>(row: &'r rusqlite::Row<'r>, index: usize) -> Result<ValueRef<'r>, &'static str> {
    use rusqlite::types::ValueRef as Lite;
    match row.get_ref(index).map_err(|_| "no such column")? {
        Lite::Null => Ok(ValueRef::Null),
        Lite::Integer(number) => Ok(ValueRef::I64(number)),
        Lite::Real(_) => Err("a floating point number"),
        Lite::Text(text) => {
            std::str::from_utf8(text).map(ValueRef::Text).map_err(|_| "text that is not UTF-8")
        }
        Lite::Blob(bytes) => Ok(ValueRef::Blob(bytes)),
    }
}

/// The value, or what is there instead of one.
fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<ValueRef<'_>, &'static str> {
    if index >= row.len() {
        return Err("no such column");
    }
    row.try_get(index).map_err(|_| "a value of another type")
}

/// What a whole row becomes: a struct of the house, a tuple of columns, or one column.
pub trait FromRow: Sized {
    /// Reads the row.
    ///
    /// # Errors
    /// `Column` names the first column that does not fit.
    fn from_row(row: &Row<'_>) -> Result<Self, Error>;
}

/// What one column becomes.
pub trait FromValue: Sized {
    /// Reads the value; `None` if it does not fit.
    fn from_value(value: ValueRef<'_>) -> Option<Self>;
}

impl<T: FromValue> FromRow for T {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        row.get(0)
    }
}

macro_rules! tuples {
    ($($($column:ident $index:tt),+;)+) => {
        $(impl<$($column: FromValue),+> FromRow for ($($column,)+) {
            fn from_row(row: &Row<'_>) -> Result<Self, Error> {
                Ok(($(row.get::<$column>($index)?,)+))
            }
        })+
    };
}

tuples! {
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}

impl FromValue for i64 {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::I64(number) => Some(number),
            _ => None,
        }
    }
}

macro_rules! whole_numbers {
    ($($number:ty),+) => {
        $(impl FromValue for $number {
            fn from_value(value: ValueRef<'_>) -> Option<Self> {
                <$number>::try_from(i64::from_value(value)?).ok()
            }
        })+
    };
}

whole_numbers!(i32, i16, u64, u32, u16, u8);

/// 0 or 1.
impl FromValue for bool {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::I64(0) => Some(false),
            ValueRef::I64(1) => Some(true),
            _ => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Blob(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Blob(bytes) => bytes.try_into().ok(),
            _ => None,
        }
    }
}

impl FromValue for Uuid {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        <[u8; 16]>::from_value(value).map(Self::from_bytes)
    }
}

impl<T: Noun> FromValue for Id<T> {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        Uuid::from_value(value).map(Self::from_uuid)
    }
}

/// Microseconds since the epoch.
impl FromValue for Timestamp {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        i64::from_value(value).map(Self::from_micros)
    }
}

impl FromValue for Currency {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Text(code) => code.parse().ok(),
            _ => None,
        }
    }
}

impl FromValue for Role {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Text(word) => Self::parse(word),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Null => Some(None),
            _ => T::from_value(value).map(Some),
        }
    }
}

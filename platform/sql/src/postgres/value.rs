//! Values on their way to PostgreSQL and back, in its binary format.

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::{Value, ValueRef};

type BoxError = Box<dyn std::error::Error + Sync + Send>;

/// A value takes the type that the server wants at its place.
impl ToSql for Value {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::I64(number) => match *wanted {
                Type::INT8 => number.to_sql(wanted, out),
                Type::INT4 => i32::try_from(*number)?.to_sql(wanted, out),
                Type::INT2 => i16::try_from(*number)?.to_sql(wanted, out),
                _ => Err(unfit("a whole number", wanted)),
            },
            Self::Text(text) => match *wanted {
                Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => text.to_sql(wanted, out),
                _ => Err(unfit("text", wanted)),
            },
            Self::Blob(bytes) => match *wanted {
                Type::BYTEA => bytes.to_sql(wanted, out),
                Type::UUID => Uuid::from_slice(bytes)?.to_sql(wanted, out),
                _ => Err(unfit("bytes", wanted)),
            },
            Self::Uuid(uuid) => match *wanted {
                Type::UUID => uuid.to_sql(wanted, out),
                Type::BYTEA => uuid.as_bytes().as_slice().to_sql(wanted, out),
                _ => Err(unfit("an id", wanted)),
            },
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn unfit(found: &str, wanted: &Type) -> BoxError {
    format!("{found} where the database wants {wanted}").into()
}

/// A column of many rows, sent as one array.
#[derive(Debug)]
pub(super) struct Column<'v>(pub(super) Vec<&'v Value>);

impl ToSql for Column<'_> {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        let Kind::Array(_) = wanted.kind() else { return Err(unfit("a list", wanted)) };
        self.0.as_slice().to_sql(wanted, out)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'r> FromSql<'r> for ValueRef<'r> {
    fn from_sql(found: &Type, bytes: &'r [u8]) -> Result<Self, BoxError> {
        Ok(match *found {
            Type::INT8 => Self::I64(i64::from_sql(found, bytes)?),
            Type::INT4 => Self::I64(i32::from_sql(found, bytes)?.into()),
            Type::INT2 => Self::I64(i16::from_sql(found, bytes)?.into()),
            // SQLite answers a comparison by a number.
            Type::BOOL => Self::I64(bool::from_sql(found, bytes)?.into()),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => {
                Self::Text(<&str as FromSql<'r>>::from_sql(found, bytes)?)
            }
            Type::BYTEA | Type::UUID => Self::Blob(bytes),
            _ => return Err(format!("a column of type {found} is not read").into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, BoxError> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl ValueRef<'_> {
    /// Whether a column that came back holds what was sent.
    pub(super) fn is(&self, sent: &Value) -> bool {
        match (self, sent) {
            (Self::I64(found), Value::I64(sent)) => found == sent,
            (Self::Text(found), Value::Text(sent)) => found == sent,
            (Self::Blob(found), Value::Blob(sent)) => found == sent,
            (Self::Blob(found), Value::Uuid(sent)) => *found == sent.as_bytes(),
            _ => false,
        }
    }
}

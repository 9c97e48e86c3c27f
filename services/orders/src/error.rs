//! What a use case can answer within the house, before it becomes the contract's word.

use shoal_contract::{orders, products};
use shoal_types::Fault;

/// Why a use case ended early.
#[derive(Debug)]
pub(crate) enum Error {
    /// What the caller is told.
    Told(orders::Error),
    /// Another write came in between; the whole attempt starts over.
    Raced,
    /// What the database answers.
    Sql(shoal_sql::Error),
}

impl From<orders::Error> for Error {
    fn from(error: orders::Error) -> Self {
        Self::Told(error)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Told(fault.into())
    }
}

impl From<shoal_sql::Error> for Error {
    fn from(error: shoal_sql::Error) -> Self {
        Self::Sql(error)
    }
}

/// What the product service says of SKUs.
impl From<products::Error> for Error {
    fn from(error: products::Error) -> Self {
        match error {
            products::Error::Fault(fault) => fault.into(),
            products::Error::UnknownSku { sku } => orders::Error::UnknownSku { sku }.into(),
            other => {
                tracing::error!(error = %other, "unexpected answer of the product service");
                Fault::Internal {}.into()
            }
        }
    }
}

impl From<Error> for orders::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Told(error) => error,
            Error::Raced => Fault::DeadlineExceeded {}.into(),
            Error::Sql(error) => Fault::from(error).into(),
        }
    }
}

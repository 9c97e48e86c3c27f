//! What ends a use case early.

use shoal_contract::products::Error;
use shoal_types::Fault;

/// How often a use case that was overtaken starts over. One of those that race wins each time, so that the twentieth of a
/// crowd is still served.
pub(crate) const TRIES: usize = 20;

/// Why a use case, or its transaction, ends without an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// A fact for the caller.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The database's answer.
    #[error(transparent)]
    Database(#[from] shoal_sql::Error),
    /// Another write changed meanwhile what was read before. Nothing was written; starting over is safe.
    #[error("another write came first")]
    Overtaken,
}

impl Stop {
    /// A claim or guard that did not hold although it was looked at before means that another write came first.
    pub(crate) fn overtaken(error: shoal_sql::Error, claims: &[&str]) -> Self {
        if claims.iter().any(|claim| error.is_unique(claim)) {
            Self::Overtaken
        } else {
            Self::Database(error)
        }
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault.into())
    }
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused(error) => error,
            Stop::Database(error) => Fault::from(error).into(),
            Stop::Overtaken => Fault::Overloaded {}.into(),
        }
    }
}

//! How other houses' answers and the provider's become this house's.

use std::time::Duration;

use shoal_contract::checkout::Error;
use shoal_types::{Fact, Kind};

use crate::payments::ProviderError;

/// Why a step did not answer with success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is not done and will not be.
    Refused(Error),
    /// It is not known to be done; the same call again will tell.
    Unclear(Error),
}

impl<E: Into<Error>> From<E> for Trouble {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.kind() {
            Kind::Unavailable | Kind::Timeout | Kind::Full | Kind::Limited | Kind::Internal => {
                Self::Unclear(error)
            }
            _ => Self::Refused(error),
        }
    }
}

impl From<ProviderError> for Trouble {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Declined { reason } => Self::Refused(Error::PaymentDeclined { reason }),
            ProviderError::Unreachable | ProviderError::Unknown => {
                Self::Unclear(Error::PaymentUnavailable {})
            }
        }
    }
}

/// The wait before try `tries + 1`: 20 ms, doubled each time, at most 2 s.
pub(crate) fn backoff(tries: u32) -> Duration {
    Duration::from_millis(20 << tries.min(7)).min(Duration::from_secs(2))
}

//! Who may do what.

use shoal_types::{Caller, Fault};

/// Passes Shoal itself.
pub(crate) fn system(caller: &Caller) -> Result<(), Fault> {
    match caller {
        Caller::System => Ok(()),
        Caller::Anonymous => Err(Fault::Unauthenticated {}),
        Caller::User { .. } => Err(Fault::Forbidden {}),
    }
}

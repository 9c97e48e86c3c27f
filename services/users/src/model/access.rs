//! Who may do what to whom.

use shoal_contract::users::{Error, User, UserId};
use shoal_types::{Caller, Fault, Role};

/// Passes the user themselves and staff. To others the user does not exist.
pub(crate) fn see(caller: &Caller, user: UserId) -> Result<(), Error> {
    match caller {
        _ if caller.user() == Some(user) || caller.has(Role::Staff) => Ok(()),
        Caller::Anonymous => Err(Fault::Unauthenticated {}.into()),
        _ => Err(Error::UnknownUser {}),
    }
}

/// Passes the user themselves, staff for customers, and administrators for everybody. Comes after [`see`].
pub(crate) fn change(caller: &Caller, user: &User) -> Result<(), Error> {
    let needed = if user.role > Role::Customer { Role::Administrator } else { Role::Staff };
    Ok(caller.require_owner_or(user.id, needed)?)
}

/// Passes the user alone: what is known only to them is asked for.
pub(crate) fn own(caller: &Caller, user: UserId) -> Result<(), Error> {
    see(caller, user)?;
    if caller.user() == Some(user) { Ok(()) } else { Err(Fault::Forbidden {}.into()) }
}

/// Passes staff who make a customer, and administrators who make anybody.
pub(crate) fn create(caller: &Caller, role: Role) -> Result<(), Fault> {
    caller.require(if role > Role::Customer { Role::Administrator } else { Role::Staff })
}

/// Passes Shoal itself.
pub(crate) fn system(caller: &Caller) -> Result<(), Fault> {
    match caller {
        Caller::System => Ok(()),
        Caller::Anonymous => Err(Fault::Unauthenticated {}),
        Caller::User { .. } => Err(Fault::Forbidden {}),
    }
}

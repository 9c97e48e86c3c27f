//! What this house tells the others. No event holds an e-mail or a name: who may know them asks the house.

use serde::Serialize;
use shoal_contract::events::kinds;
use shoal_contract::users::User;
use shoal_queue::Outgoing;
use shoal_types::Role;

/// The data of every event of a user.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Told {
    role: Role,
}

/// An account was opened.
pub(crate) fn registered(user: &User) -> Outgoing<Told> {
    told(kinds::USER_REGISTERED, user)
}

/// A profile, a role or a password was changed.
pub(crate) fn changed(user: &User) -> Outgoing<Told> {
    told(kinds::USER_CHANGED, user)
}

/// An account was closed: whoever keeps something personal of it lets go of it now.
pub(crate) fn deleted(user: &User) -> Outgoing<Told> {
    told(kinds::USER_DELETED, user)
}

fn told(kind: &'static str, user: &User) -> Outgoing<Told> {
    Outgoing::new(kind, user.id, user.version, Told { role: user.role })
}

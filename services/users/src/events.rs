//! What this house tells the others. No event holds an e-mail or a name: who may know them asks the house.

use serde::Serialize;
use shoal_contract::events::{
    Data, OpenedBy, UserChanged, UserDeleted, UserField, UserPasswordResetRequested, UserRegistered,
};
use shoal_contract::users::{ResetId, User, UserId};
use shoal_queue::Outgoing;
use shoal_types::Timestamp;

/// What is told of an account that an import opens or changes.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Told {
    Registered(UserRegistered),
    Changed(UserChanged),
}

/// An account was opened.
pub(crate) fn registered(user: &User, by: OpenedBy) -> Outgoing<Told> {
    let data = UserRegistered { role: user.role, by };
    outgoing::<UserRegistered, _>(user, Told::Registered(data))
}

/// A profile or a role is another than in `old`.
pub(crate) fn changed(old: &User, user: &User) -> Outgoing<Told> {
    let fields = [
        (UserField::Name, old.name != user.name),
        (UserField::Phone, old.phone != user.phone),
        (UserField::Role, old.role != user.role),
        (UserField::AcceptsMarketing, old.accepts_marketing != user.accepts_marketing),
        (UserField::Tags, old.tags != user.tags),
    ];
    fields_changed(user, fields.into_iter().filter(|(_, other)| *other).map(|(field, _)| field).collect())
}

/// A password is another.
pub(crate) fn password_changed(user: &User) -> Outgoing<Told> {
    fields_changed(user, vec![UserField::Password])
}

fn fields_changed(user: &User, changed: Vec<UserField>) -> Outgoing<Told> {
    outgoing::<UserChanged, _>(user, Told::Changed(UserChanged { role: user.role, changed }))
}

/// An account was closed: whoever keeps something personal of it lets go of it now.
pub(crate) fn deleted(user: &User) -> Outgoing<UserDeleted> {
    outgoing::<UserDeleted, _>(user, UserDeleted { role: user.role })
}

/// Somebody has forgotten the user's password. It happens to the request: nothing of the user is other than before.
pub(crate) fn password_reset_requested(
    user: UserId,
    request: ResetId,
    expires_at: Timestamp,
) -> Outgoing<UserPasswordResetRequested> {
    Outgoing {
        aggregate: request.uuid(),
        sequence: 1,
        kind: UserPasswordResetRequested::STORED,
        subject: user.to_string(),
        data: UserPasswordResetRequested { expires_at },
    }
}

/// The event of the type `D` that happened to the user, with its data.
fn outgoing<D: Data, T: Serialize>(user: &User, data: T) -> Outgoing<T> {
    Outgoing::new(D::STORED, user.id, user.version, data)
}

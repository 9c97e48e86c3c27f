//! A user's own data.

use shoal_contract::normal_email;
use shoal_contract::users::{NewUser, Register, User, UserChange, UserId};
use shoal_types::{Role, Timestamp};

/// What a registration asks for, as an account.
pub(crate) fn of_registration(register: Register) -> NewUser {
    NewUser {
        email: register.email,
        name: register.name,
        role: Role::Customer,
        phone: register.phone,
        password: Some(register.password),
        accepts_marketing: register.accepts_marketing,
        tags: Vec::new(),
        addresses: Vec::new(),
    }
}

/// The account `new` asks for.
pub(crate) fn open(id: UserId, new: &NewUser, now: Timestamp) -> User {
    User {
        id,
        email: normal_email(&new.email),
        name: new.name.clone(),
        phone: new.phone.clone(),
        role: new.role,
        accepts_marketing: new.accepts_marketing,
        tags: new.tags.clone(),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// `user` after `change`; none if it changes nothing.
pub(crate) fn apply(user: &User, change: &UserChange, now: Timestamp) -> Option<User> {
    let mut next = user.clone();
    next.name.clone_from(change.name.as_ref().unwrap_or(&user.name));
    next.accepts_marketing = change.accepts_marketing.unwrap_or(user.accepts_marketing);
    next.tags.clone_from(change.tags.as_ref().unwrap_or(&user.tags));
    if change.phone.is_some() {
        next.phone.clone_from(&change.phone);
    }
    (next != *user).then(|| changed(next, now))
}

/// `user` with the profile an import gives it.
pub(crate) fn imported(user: User, after: &NewUser, now: Timestamp) -> User {
    let user = User {
        name: after.name.clone(),
        phone: after.phone.clone(),
        accepts_marketing: after.accepts_marketing,
        tags: after.tags.clone(),
        ..user
    };
    changed(user, now)
}

/// `user`, changed at `now`.
pub(crate) fn changed(user: User, now: Timestamp) -> User {
    User { version: user.version + 1, updated_at: now, ..user }
}

/// What is left of a closed account.
pub(crate) fn erased(user: User, now: Timestamp) -> User {
    let empty = User {
        email: String::new(),
        name: String::new(),
        phone: None,
        role: Role::Customer,
        accepts_marketing: false,
        tags: Vec::new(),
        ..user
    };
    changed(empty, now)
}

//! What becomes of imported rows, given the accounts that are there.

use std::collections::HashMap;

use shoal_contract::users::{Imported, NewUser, User};
use shoal_contract::{Address, check, normal_email};
use shoal_types::Fact;

/// Rows in one call, at most.
pub(crate) const ROWS_MAX: usize = 1000;

/// An account that is there.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) user: User,
    pub(crate) addresses: Vec<Address>,
}

/// An account after the import.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// As it was before; none for a new one.
    pub(crate) before: Option<User>,
    /// As it is to be, the e-mail in its normal form.
    pub(crate) after: NewUser,
    pub(crate) profile_changed: bool,
    pub(crate) addresses_changed: bool,
}

/// What to write, and what to answer for each row.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) outcomes: Vec<Imported>,
    /// One for each account, in the order of their first rows.
    pub(crate) entries: Vec<Entry>,
}

/// A row that may go in, or why not.
pub(crate) type Checked = Result<NewUser, Imported>;

/// Checks a row by the rules of its type.
pub(crate) fn checked(row: NewUser) -> Checked {
    let row = NewUser { email: normal_email(&row.email), ..row };
    match check(&row) {
        Ok(()) => Ok(row),
        Err(fault) => Err(match fault.violations().first() {
            Some(first) => refused(&first.rule, Some(&first.field), &first.message),
            None => refused(fault.code(), None, &fault.to_string()),
        }),
    }
}

/// The answer for a row that does not go in.
pub(crate) fn refused(code: &str, field: Option<&str>, message: &str) -> Imported {
    Imported::Refused { code: code.to_owned(), field: field.map(str::to_owned), message: message.to_owned() }
}

/// Decides row by row; a later row for the same e-mail meets the account as the earlier one left it.
///
/// What a row does not say stays: no telephone number, no tags, no addresses. The password and the role of an account
/// that is there stay too.
pub(crate) fn plan(rows: &[Checked], mut known: HashMap<String, Known>) -> Plan {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut plan = Plan { outcomes: Vec::with_capacity(rows.len()), entries: Vec::new() };
    for row in rows {
        let outcome = match row {
            Err(refused) => refused.clone(),
            Ok(row) => match places.get(row.email.as_str()) {
                Some(&place) => plan.entries[place].merge(row),
                None => {
                    places.insert(&row.email, plan.entries.len());
                    plan.meet(row, known.remove(&row.email))
                }
            },
        };
        plan.outcomes.push(outcome);
    }
    plan
}

impl Plan {
    /// The first row for its e-mail.
    fn meet(&mut self, row: &NewUser, known: Option<Known>) -> Imported {
        let Some(known) = known else {
            self.entries.push(Entry {
                before: None,
                after: row.clone(),
                profile_changed: true,
                addresses_changed: !row.addresses.is_empty(),
            });
            return Imported::Created;
        };
        let mut entry = Entry::of(known);
        let outcome = entry.merge(row);
        self.entries.push(entry);
        outcome
    }
}

impl Entry {
    fn of(known: Known) -> Self {
        let user = known.user;
        let after = NewUser {
            email: user.email.clone(),
            name: user.name.clone(),
            role: user.role,
            phone: user.phone.clone(),
            password: None,
            accepts_marketing: user.accepts_marketing,
            tags: user.tags.clone(),
            addresses: known.addresses,
        };
        Self { before: Some(user), after, profile_changed: false, addresses_changed: false }
    }

    fn merge(&mut self, row: &NewUser) -> Imported {
        let after = &mut self.after;
        if row.role != after.role {
            let message = format!("the account has the role {}: roles are granted", after.role.as_str());
            return refused("role_differs", Some("role"), &message);
        }
        let profile_changed = [
            put(&mut after.name, &row.name),
            put(&mut after.accepts_marketing, &row.accepts_marketing),
            row.phone.is_some() && put(&mut after.phone, &row.phone),
            !row.tags.is_empty() && put(&mut after.tags, &row.tags),
        ]
        .contains(&true);
        let addresses_changed = !row.addresses.is_empty() && put(&mut after.addresses, &row.addresses);
        self.profile_changed |= profile_changed;
        self.addresses_changed |= addresses_changed;
        if profile_changed || addresses_changed { Imported::Updated } else { Imported::Unchanged }
    }
}

/// Sets `old` to `new`; whether that changed anything.
fn put<T: Clone + PartialEq>(old: &mut T, new: &T) -> bool {
    let changes = old != new;
    if changes {
        old.clone_from(new);
    }
    changes
}

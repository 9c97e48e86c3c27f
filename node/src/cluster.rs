//! This node's part in a cluster: who it is, whom it knows of, and how it calls them.

mod counted;
mod known;
mod losses;
mod membership;
mod nodes;
mod owners;
mod vitals;

pub(crate) use losses::watch_losses;
pub(crate) use membership::Membership;
pub(crate) use membership::{operator, refusal};
pub(crate) use nodes::Here;
pub(crate) use owners::Conflict;

use crate::config::{Role, Roles};

/// The role in the certificates of an operator's commands; no node plays it.
pub(crate) const OPERATOR: &str = "operator";
/// The houses, by the role that has them: on embedded data each has one owner.
pub(crate) const HOUSES: [Role; 5] =
    [Role::Users, Role::Products, Role::Orders, Role::Checkout, Role::Notifications];

/// The roles as certificates and directory name them.
pub(crate) fn names(roles: &Roles) -> Vec<&'static str> {
    let all = [Role::Gateway].into_iter().chain(HOUSES);
    all.filter(|role| roles.has(*role)).map(Role::as_str).collect()
}

use serde::{Deserialize, Serialize};
use shoal_types::{Role, Timestamp};
use utoipa::ToSchema;

/// Who opened an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenedBy {
    /// Whose it is.
    #[default]
    User,
    /// Staff, or whoever set up the shop.
    Staff,
    /// An import: the user has been a customer elsewhere.
    Import,
}

/// An account was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserRegistered {
    /// What the user may do.
    pub role: Role,
    /// Who opened it; in the oldest events always `user`.
    #[serde(default)]
    pub by: OpenedBy,
}

/// A part of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserField {
    /// What they are called.
    Name,
    /// Their telephone number.
    Phone,
    /// What they may do.
    Role,
    /// Their password.
    Password,
    /// Whether they agreed to be written to for marketing.
    AcceptsMarketing,
    /// Labels for staff's use.
    Tags,
}

/// A profile, a role or a password was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserChanged {
    /// What the user may do now.
    pub role: Role,
    /// What is other than before; empty in the oldest events.
    #[serde(default)]
    pub changed: Vec<UserField>,
}

/// An account was closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserDeleted {
    /// Always `customer`: nothing is left of what the user was.
    pub role: Role,
}

/// Somebody wants to choose a new password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserPasswordResetRequested {
    /// Until when they may.
    pub expires_at: Timestamp,
}

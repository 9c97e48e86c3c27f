//! The user service: accounts, credentials, sessions, roles, addresses.

use garde::Validate;
use serde::{Deserialize, Serialize};
use shoal_types::{Id, Noun, Page, PageRequest, Role, Secret, Timestamp};
use utoipa::ToSchema;

use crate::service::service;
use crate::{Address, rules};

pub use shoal_types::User as UserNoun;

/// A user's id.
pub type UserId = Id<UserNoun>;

/// Marks the ids of sessions.
#[derive(Debug)]
pub struct SessionNoun;

impl Noun for SessionNoun {
    const PREFIX: &'static str = "session";
}

/// A session's id.
pub type SessionId = Id<SessionNoun>;

/// Marks the ids of saved addresses.
#[derive(Debug)]
pub struct AddressNoun;

impl Noun for AddressNoun {
    const PREFIX: &'static str = "address";
}

/// A saved address's id.
pub type AddressId = Id<AddressNoun>;

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Id.
    pub id: UserId,
    /// Lowercase, unique.
    pub email: String,
    /// As they want to be addressed.
    pub name: String,
    /// Telephone number, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Whether they agreed to be written to for marketing.
    pub accepts_marketing: bool,
    /// Labels for staff's use.
    pub tags: Vec<String>,
    /// Grows by one with each change; the `ETag`.
    pub version: u64,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Opens an account; the new user is a customer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct Register {
    /// E-mail address; compared without case.
    #[garde(custom(rules::email))]
    #[schema(format = Email, max_length = 254)]
    pub email: String,
    /// 10 to 200 characters, and not an easily guessed one.
    #[garde(custom(password_length))]
    pub password: Secret,
    /// As they want to be addressed.
    #[garde(length(chars, max = 200), custom(rules::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// Telephone number.
    #[serde(default)]
    #[garde(length(chars, max = 40), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 40)]
    pub phone: Option<String>,
    /// Whether they agree to be written to for marketing.
    #[serde(default)]
    pub accepts_marketing: bool,
}

fn password_length(secret: &Secret, _: &()) -> garde::Result {
    match secret.expose().chars().count() {
        0..=9 => Err(garde::Error::new("too_short: a password has at least 10 characters")),
        10..=200 => Ok(()),
        _ => Err(garde::Error::new("too_long: a password has at most 200 characters")),
    }
}

fn password_length_opt(secret: &Option<Secret>, cx: &()) -> garde::Result {
    secret.as_ref().map_or(Ok(()), |secret| password_length(secret, cx))
}

/// An account made by staff or by an import; without a password nobody can log in to it until one is set.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct NewUser {
    /// E-mail address; compared without case.
    #[garde(custom(rules::email))]
    #[schema(format = Email, max_length = 254)]
    pub email: String,
    /// As they want to be addressed.
    #[garde(length(chars, max = 200), custom(rules::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// What they may do; only an administrator may make staff.
    pub role: Role,
    /// Telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 40), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 40)]
    pub phone: Option<String>,
    /// First password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(custom(password_length_opt))]
    pub password: Option<Secret>,
    /// Whether they agreed to be written to for marketing.
    #[serde(default)]
    pub accepts_marketing: bool,
    /// Labels for staff's use.
    #[serde(default)]
    #[garde(length(max = 50), inner(length(chars, max = 80), custom(rules::line)))]
    #[schema(max_items = 50)]
    pub tags: Vec<String>,
    /// Addresses saved with the account; the first becomes the default.
    #[serde(default)]
    #[garde(length(max = 20), dive)]
    #[schema(max_items = 20)]
    pub addresses: Vec<Address>,
}

/// Credentials.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct LogIn {
    /// E-mail address.
    #[garde(length(max = 254))]
    #[schema(max_length = 254)]
    pub email: String,
    /// Password.
    #[garde(custom(password_length_max))]
    pub password: Secret,
}

/// A longer one cannot have been set; its length tells nothing, and hashing it would take our time.
fn password_length_max(secret: &Secret, _: &()) -> garde::Result {
    match secret.expose().chars().count() {
        0..=200 => Ok(()),
        _ => Err(garde::Error::new("too_long: a password has at most 200 characters")),
    }
}

/// A fresh session. The token is shown once; only its hash is stored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Login {
    /// To send as `Authorization: Bearer TOKEN`.
    pub token: Secret,
    /// The session it opens.
    pub session: Session,
    /// Whose it is.
    pub user: User,
}

/// A login on one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Id.
    pub id: SessionId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When its token was last rotated, or `created_at`.
    pub rotated_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Whose a valid token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authenticated {
    /// The user.
    pub user: UserId,
    /// What they may do.
    pub role: Role,
    /// The session.
    pub session: SessionId,
}

/// A token as the client sent it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    /// The opaque text.
    pub token: Secret,
}

/// Names a session of a user.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SessionRef {
    /// Whose.
    pub user: UserId,
    /// Which; every session of the user if absent.
    pub session: Option<SessionId>,
}

/// Asks for the sessions of a user.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ListSessions {
    /// Whose.
    pub user: UserId,
    /// The asking session, to mark it as current.
    pub current: Option<SessionId>,
}

/// Names a user.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct UserRef {
    /// Which.
    pub user: UserId,
}

/// Asks for a page of users, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListUsers {
    /// Which page.
    pub page: PageRequest,
    /// Only this role.
    pub role: Option<Role>,
    /// Only the user with this e-mail.
    pub email: Option<String>,
}

/// What to change in a profile; absent fields stay.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct UserChange {
    /// New name.
    #[serde(default)]
    #[garde(length(chars, max = 200), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// New telephone number.
    #[serde(default)]
    #[garde(length(chars, max = 40), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 40)]
    pub phone: Option<String>,
    /// New answer about marketing.
    #[serde(default)]
    pub accepts_marketing: Option<bool>,
    /// New labels; staff only.
    #[serde(default)]
    #[garde(inner(length(max = 50), inner(length(chars, max = 80), custom(rules::line))))]
    pub tags: Option<Vec<String>>,
}

/// Changes a profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpdateUser {
    /// Whose.
    pub user: UserId,
    /// Only if this is still the version (`If-Match`).
    pub expected_version: Option<u64>,
    /// The change.
    pub change: UserChange,
}

/// Two passwords.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct PasswordChange {
    /// The present one.
    pub current: Secret,
    /// The next one.
    #[garde(custom(password_length))]
    pub new: Secret,
}

/// Changes a password and ends every other session of the user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangePassword {
    /// Whose.
    pub user: UserId,
    /// The session that stays.
    pub keep: Option<SessionId>,
    /// The passwords.
    pub change: PasswordChange,
}

/// Marks the ids of requests for a new password.
#[derive(Debug)]
pub struct ResetNoun;

impl Noun for ResetNoun {
    const PREFIX: &'static str = "reset";
}

/// A request for a new password.
pub type ResetId = Id<ResetNoun>;

/// Asks for a mail with which somebody who has forgotten their password can choose another.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct RequestPasswordReset {
    /// E-mail address of the account.
    #[garde(custom(rules::email))]
    #[schema(format = Email, max_length = 254)]
    pub email: String,
}

/// Chooses the new password.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct ConfirmPasswordReset {
    /// What the mail had.
    #[schema(max_length = 200)]
    pub token: Secret,
    /// 10 to 200 characters, and not an easily guessed one.
    #[garde(custom(password_length))]
    pub password: Secret,
}

/// Asks for the token to be mailed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct IssuePasswordReset {
    /// Whose.
    pub user: UserId,
}

/// What lets its holder choose a new password, once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PasswordReset {
    /// To be mailed, and kept nowhere; only its hash is stored.
    pub token: Secret,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Sets a role; administrators only.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct GrantRole {
    /// Whose.
    pub user: UserId,
    /// The new role.
    pub role: Role,
}

/// An address a user keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SavedAddress {
    /// Id.
    pub id: AddressId,
    /// Whether it is the one proposed first.
    pub default: bool,
    /// The address.
    pub address: Address,
}

/// Saves an address.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct AddressBody {
    /// The address.
    #[garde(dive)]
    pub address: Address,
    /// Whether it becomes the one proposed first.
    #[serde(default)]
    pub default: bool,
}

/// Adds an address (`id` absent) or replaces one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SaveAddress {
    /// Whose.
    pub user: UserId,
    /// Which to replace; a new one if absent.
    pub id: Option<AddressId>,
    /// The address.
    pub body: AddressBody,
}

/// Names an address of a user.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct AddressRef {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub id: AddressId,
}

/// What became of one imported row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Imported {
    /// It is new.
    Created,
    /// It was there and has changed.
    Updated,
    /// It was there, just so.
    Unchanged,
    /// It was refused: stable code, field and sentence.
    Refused {
        /// Stable code.
        code: String,
        /// The field, if one is to blame.
        field: Option<String>,
        /// A sentence.
        message: String,
    },
}

/// Brings in users, found again by e-mail.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImportUsers {
    /// At most 1,000.
    pub users: Vec<NewUser>,
    /// Check only.
    pub dry_run: bool,
}

service! {
    /// Accounts, credentials, sessions, roles and addresses.
    ///
    /// Every method decides by the caller in the context: customers see and change themselves, staff see
    /// everybody, administrators grant roles. Another's id answers as if it did not exist.
    pub trait Users as "users", error Error, system from [notifications, operator] {
        /// Opens an account. Two racing for one e-mail: one wins, the other gets `EmailTaken`.
        async fn register(Register) -> User; from [gateway]; keyed;
        /// Makes an account for somebody; staff, or the system.
        async fn create_user(NewUser) -> User; from [gateway, operator]; keyed;
        /// Opens a session. The same time and answer for a wrong password and an unknown e-mail.
        async fn log_in(LogIn) -> Login; from [gateway];
        /// Tells whose a token is. Any caller. `Unauthenticated` if it is unknown, revoked or expired.
        async fn authenticate(Token) -> Authenticated; from [gateway]; idempotent;
        /// Exchanges the token of a session for a new one; the old one ends at once.
        async fn rotate_session(Token) -> Login; from [gateway];
        /// The open sessions of a user.
        async fn list_sessions(ListSessions) -> Vec<Session>; from [gateway]; idempotent;
        /// Ends one session, or all. Idempotent.
        async fn revoke_session(SessionRef) -> (); from [gateway]; idempotent;
        /// One user.
        async fn get_user(UserRef) -> User; from [gateway, notifications]; idempotent;
        /// A page of users, newest first; staff only.
        async fn list_users(ListUsers) -> Page<User>; from [gateway, operator]; idempotent;
        /// Changes a profile. `VersionChanged` if it is not at the expected version.
        async fn update_user(UpdateUser) -> User; from [gateway];
        /// Changes the password; every other session ends.
        async fn change_password(ChangePassword) -> (); from [gateway];
        /// Notes that somebody has forgotten their password: a mail follows, if there is such an account and not too many were asked for. The same time and answer whether there is one.
        async fn request_password_reset(RequestPasswordReset) -> (); from [gateway];
        /// A token for the mail about a request made within the hour; `ResetRefused` if there is none. A repeat gives another one; few are good at the same time. System only.
        async fn issue_password_reset(IssuePasswordReset) -> PasswordReset; from [notifications];
        /// Sets a new password for a mailed token. Every session of the user ends, and every such token.
        async fn confirm_password_reset(ConfirmPasswordReset) -> (); from [gateway];
        /// Sets a role. The last administrator cannot step down.
        async fn grant_role(GrantRole) -> User; from [gateway]; idempotent;
        /// Closes an account: sessions end, personal data is erased, the e-mail is free again. Idempotent.
        async fn delete_user(UserRef) -> (); from [gateway]; idempotent;
        /// The saved addresses, the default first.
        async fn list_addresses(UserRef) -> Vec<SavedAddress>; from [gateway, operator]; idempotent;
        /// Adds or replaces an address; at most 20 a user.
        async fn save_address(SaveAddress) -> SavedAddress; from [gateway]; keyed;
        /// Removes an address. Idempotent.
        async fn remove_address(AddressRef) -> (); from [gateway]; idempotent;
        /// Brings in users; one outcome for each, in order. Safe to repeat. System only.
        async fn import_users(ImportUsers) -> Vec<Imported>; from [operator]; idempotent;
    }
}

shoal_types::errors! {
    /// What can go wrong in the user service.
    pub enum Error {
        /// An account with this e-mail exists already. Log in, or use another address.
        EmailTaken {} => (Conflict, "email_taken", "an account with this e-mail exists already"),
        /// E-mail and password do not belong together. It is not said which of them is wrong.
        WrongCredentials {} => (Unauthenticated, "wrong_credentials", "e-mail or password is wrong"),
        /// The password is too easy to guess. Take a longer one, or one with less common words.
        WeakPassword { hint: String } => (Invalid, "weak_password", "the password is too easy to guess: {hint}"),
        /// There is no such user, or you may not see it.
        UnknownUser {} => (NotFound, "unknown_user", "there is no such user"),
        /// The user has no such address.
        UnknownAddress {} => (NotFound, "unknown_address", "there is no such address"),
        /// A user keeps at most 20 addresses. Remove one first.
        TooManyAddresses {} => (Conflict, "too_many_addresses", "a user keeps at most 20 addresses"),
        /// The user was changed since it was read. Read it again and repeat the change.
        UserChanged { version: u64 } => (Stale, "user_changed", "the user was changed meanwhile, it is at version {version}"),
        /// The link to choose a new password is wrong, was used already, or is older than an hour. Ask for another mail.
        ResetRefused {} => (Invalid, "reset_refused", "the link to choose a new password is wrong, used or too old"),
        /// The last administrator cannot lose the role, nor be deleted. Make another one first.
        LastAdministrator {} => (Conflict, "last_administrator", "the last administrator must stay"),
    }
}

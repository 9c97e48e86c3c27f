use shoal_contract::users::{Error, User, UserId};
use shoal_sql::{FromRow, ReadTx, Row, Tx, Value, params};
use shoal_types::{Limit, Role, Timestamp};
use uuid::Uuid;

use super::claims::{self, Claim};
use super::sql;
use crate::error::Failure;

/// A row of `users`.
struct UserRow(User);

impl FromRow for UserRow {
    fn from_row(row: &Row<'_>) -> Result<Self, shoal_sql::Error> {
        let tags: String = row.get(6)?;
        Ok(Self(User {
            id: row.get(0)?,
            email: row.get(1)?,
            name: row.get(2)?,
            phone: row.get(3)?,
            role: row.get(4)?,
            accepts_marketing: row.get(5)?,
            tags: serde_json::from_str(&tags).map_err(|_| shoal_sql::Error::Column {
                index: 6,
                expected: "a JSON list of texts",
                found: "text",
            })?,
            version: row.get(7)?,
            created_at: row.get(8)?,
            updated_at: row.get(9)?,
        }))
    }
}

/// An account with its password's hash, if it has one.
pub(crate) struct Credentials {
    pub(crate) user: User,
    pub(crate) password_hash: Option<String>,
}

impl FromRow for Credentials {
    fn from_row(row: &Row<'_>) -> Result<Self, shoal_sql::Error> {
        Ok(Self { user: UserRow::from_row(row)?.0, password_hash: row.get(10)? })
    }
}

pub(crate) async fn find(tx: &mut ReadTx, id: UserId) -> Result<Option<User>, Failure> {
    Ok(tx.find::<UserRow>(sql::FIND_USER, params![id]).await?.map(|row| row.0))
}

/// The open account `id`.
pub(crate) async fn get(tx: &mut ReadTx, id: UserId) -> Result<User, Failure> {
    find(tx, id).await?.ok_or_else(|| Error::UnknownUser {}.into())
}

/// Whether there is or was an account `id`.
pub(crate) async fn was(tx: &mut ReadTx, id: UserId) -> Result<bool, Failure> {
    Ok(tx.find::<i64>(sql::USER_WAS, params![id]).await?.is_some())
}

/// The open account that has the e-mail: first the claim, then the account, each by its own key.
pub(crate) async fn find_by_email(tx: &mut ReadTx, email: &str) -> Result<Option<User>, Failure> {
    let Some(claim) = claims::find(tx, email).await? else { return Ok(None) };
    Ok(find(tx, claim.user).await?.filter(|user| user.email == email))
}

/// The credentials of the open account that has the e-mail.
pub(crate) async fn find_credentials(tx: &mut ReadTx, email: &str) -> Result<Option<Credentials>, Failure> {
    let Some(claim) = claims::find(tx, email).await? else { return Ok(None) };
    Ok(credentials(tx, claim.user).await?.filter(|found| found.user.email == email))
}

/// The credentials of the open account `id`.
pub(crate) async fn credentials(tx: &mut ReadTx, id: UserId) -> Result<Option<Credentials>, Failure> {
    Ok(tx.find(sql::FIND_CREDENTIALS, params![id]).await?)
}

/// The claims on these e-mails, and the open accounts that have them.
pub(crate) async fn list_claimed(
    tx: &mut ReadTx,
    emails: &[String],
) -> Result<(Vec<Claim>, Vec<User>), Failure> {
    let claims = claims::list(tx, emails).await?;
    if claims.is_empty() {
        return Ok((claims, Vec::new()));
    }
    let ids = claims.iter().map(|claim| claim.user);
    let rows = tx.list_in::<UserRow, _>(sql::FIND_USERS, params![], ids).await?;
    let has = |user: &User| claims.iter().any(|claim| claim.user == user.id && claim.email == user.email);
    let users = rows.into_iter().map(|row| row.0).filter(has).collect();
    Ok((claims, users))
}

/// Where a page of users begins: after the one made then, with this id.
pub(crate) type Position = (Timestamp, Uuid);

/// One more than `limit` users, newest first.
pub(crate) async fn list(
    tx: &mut ReadTx,
    (created_at, id): Position,
    limit: Limit,
    role: Option<Role>,
) -> Result<Vec<User>, Failure> {
    let rows: Vec<UserRow> = match role {
        None => tx.list(sql::LIST_USERS, params![created_at, id, limit.probe()]).await?,
        Some(role) => tx.list(sql::LIST_USERS_OF_ROLE, params![created_at, id, limit.probe(), role]).await?,
    };
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Adds accounts with their passwords' hashes. Their e-mails are claimed by them.
///
/// # Errors
/// `EmailTaken` if there is or was one of the accounts: its claim was given to another meanwhile.
pub(crate) async fn add(tx: &mut Tx, users: &[(User, Option<String>)]) -> Result<(), Failure> {
    let rows = users.iter().map(|(user, hash)| row(user, hash.clone())).collect::<Result<Vec<_>, _>>()?;
    if tx.execute_rows(sql::ADD_USERS, params![], &rows).await? < users.len() as u64 {
        return Err(Error::EmailTaken {}.into());
    }
    let administrators = users.iter().filter(|(user, _)| user.role == Role::Administrator).count();
    add_administrators(tx, administrators).await
}

fn row(user: &User, password_hash: Option<String>) -> Result<[Value; 11], Failure> {
    Ok(params![
        user.id,
        &user.email,
        &user.name,
        user.phone.clone(),
        user.role,
        user.accepts_marketing,
        tags(user)?,
        version(user.version)?,
        user.created_at,
        user.updated_at,
        password_hash,
    ])
}

fn tags(user: &User) -> Result<String, Failure> {
    serde_json::to_string(&user.tags).map_err(|_| shoal_types::Fault::Internal {}.into())
}

fn version(version: u64) -> Result<i64, Failure> {
    i64::try_from(version).map_err(|_| shoal_types::Fault::Internal {}.into())
}

/// Writes the changed profiles of `users`, each of which was at the version before.
///
/// # Errors
/// `UserChanged` if one of them was changed meanwhile.
pub(crate) async fn update(tx: &mut Tx, users: &[User], now: Timestamp) -> Result<(), Failure> {
    let row = |user: &User| -> Result<_, Failure> {
        let (name, phone) = (&user.name, user.phone.clone());
        let before = version(user.version)? - 1;
        Ok(params![user.id, before, name, phone, user.accepts_marketing, tags(user)?])
    };
    let rows = users.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let updated = tx.execute_rows(sql::UPDATE_PROFILES, params![now], &rows).await?;
    guard(updated, users.len(), users.first())
}

/// Gives `user`, whose version is the one after, another password.
///
/// # Errors
/// As [`update`].
pub(crate) async fn set_password(tx: &mut Tx, user: &User, hash: String) -> Result<(), Failure> {
    let params = params![user.id, version(user.version)? - 1, hash, user.updated_at];
    guard(tx.execute(sql::SET_PASSWORD, params).await?, 1, Some(user))
}

/// Gives `user`, whose version is the one after, their role, which was `before`.
///
/// # Errors
/// `LastAdministrator`; else as [`update`].
pub(crate) async fn set_role(tx: &mut Tx, user: &User, before: Role) -> Result<(), Failure> {
    if before == Role::Administrator {
        remove_administrator(tx).await?;
    }
    if user.role == Role::Administrator {
        add_administrators(tx, 1).await?;
    }
    let params = params![user.id, version(user.version)? - 1, user.role, user.updated_at];
    guard(tx.execute(sql::SET_ROLE, params).await?, 1, Some(user))
}

/// Closes the account that was `before` and is `erased` now. Its claim is given up after it.
///
/// # Errors
/// `LastAdministrator`; else as [`update`].
pub(crate) async fn erase(tx: &mut Tx, before: &User, erased: &User) -> Result<(), Failure> {
    if before.role == Role::Administrator {
        remove_administrator(tx).await?;
    }
    let params = params![before.id, version(before.version)?, erased.updated_at, erased.role];
    guard(tx.execute(sql::ERASE_USER, params).await?, 1, Some(erased))
}

/// A write found another version than the one that was read in the same transaction.
fn guard(changed: u64, expected: usize, user: Option<&User>) -> Result<(), Failure> {
    if changed == expected as u64 {
        return Ok(());
    }
    Err(Error::UserChanged { version: user.map_or(0, |user| user.version) }.into())
}

async fn add_administrators(tx: &mut Tx, count: usize) -> Result<(), Failure> {
    if count > 0 {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        tx.execute(sql::ADD_HOLDERS, params![Role::Administrator, count]).await?;
    }
    Ok(())
}

/// The guard is in the row itself: of two administrators who step down at the same time, one stays.
async fn remove_administrator(tx: &mut Tx) -> Result<(), Failure> {
    match tx.execute(sql::REMOVE_HOLDER, params![Role::Administrator]).await? {
        0 => Err(Error::LastAdministrator {}.into()),
        _ => Ok(()),
    }
}

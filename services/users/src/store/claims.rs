//! Who has which e-mail. A claim is written before its account; it stands if its account has the e-mail.

use shoal_contract::users::UserId;
use shoal_sql::{FromRow, ReadTx, Row, Tx, params};
use shoal_types::{Role, Timestamp};

use super::sql;
use crate::error::Failure;

/// A claim on an e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) email: String,
    pub(crate) user: UserId,
    pub(crate) claimed_at: Timestamp,
}

impl FromRow for Claim {
    fn from_row(row: &Row<'_>) -> Result<Self, shoal_sql::Error> {
        Ok(Self { email: row.get(0)?, user: row.get(1)?, claimed_at: row.get(2)? })
    }
}

/// Adds the claims on e-mails that nobody has; how many those were.
pub(crate) async fn add(tx: &mut Tx, claims: &[Claim]) -> Result<u64, Failure> {
    let row = |claim: &Claim| params![&claim.email, claim.user, claim.claimed_at];
    let rows: Vec<_> = claims.iter().map(row).collect();
    Ok(tx.execute_rows(sql::CLAIM_EMAILS, params![], &rows).await?)
}

/// The claims on these e-mails.
pub(crate) async fn list(tx: &mut ReadTx, emails: &[String]) -> Result<Vec<Claim>, Failure> {
    Ok(tx.list_in(sql::FIND_CLAIMS, params![], emails).await?)
}

/// The claim on an e-mail.
pub(crate) async fn find(tx: &mut ReadTx, email: &str) -> Result<Option<Claim>, Failure> {
    Ok(list(tx, &[email.to_owned()]).await?.pop())
}

/// Gives a claim to another account; whether it was still as `claim` says.
pub(crate) async fn give(tx: &mut Tx, claim: &Claim, to: UserId, at: Timestamp) -> Result<bool, Failure> {
    Ok(tx.execute(sql::MOVE_CLAIM, params![&claim.email, claim.user, to, at]).await? == 1)
}

/// Gives a claim up, if the account has it.
pub(crate) async fn free(tx: &mut Tx, email: &str, user: UserId) -> Result<(), Failure> {
    tx.execute(sql::FREE_EMAIL, params![email, user]).await?;
    Ok(())
}

/// What is known of the account of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    /// It has the e-mail.
    Has,
    /// It is closed, or has another e-mail.
    HasNot,
    /// It was never opened.
    Absent,
}

/// Whether the account of a claim has its e-mail.
pub(crate) async fn account(tx: &mut ReadTx, claim: &Claim) -> Result<Account, Failure> {
    let found = tx.find::<Option<String>>(sql::EMAIL_OF_USER, params![claim.user]).await?;
    Ok(match found {
        Some(email) if email.as_ref() == Some(&claim.email) => Account::Has,
        Some(_) => Account::HasNot,
        None => Account::Absent,
    })
}

/// Sees to it that an account which was never opened never will be; whether that was in time.
pub(crate) async fn bury(tx: &mut Tx, user: UserId, at: Timestamp) -> Result<bool, Failure> {
    Ok(tx.execute(sql::BURY_USER, params![user, Role::Customer, at]).await? == 1)
}

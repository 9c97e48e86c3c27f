//! Requests for a new password, and the tokens that were mailed for them.

use shoal_contract::users::{ResetId, UserId};
use shoal_sql::{Database, Error, ReadTx, Tx, params};
use shoal_types::{Context, Timestamp};

use super::sql;
use crate::error::Failure;

/// Rows removed in one transaction, so that no other write waits long.
const BATCH: u16 = 500;

/// How many requests of the user are good at `now`.
pub(crate) async fn count_requests(tx: &mut ReadTx, user: UserId, now: Timestamp) -> Result<i64, Failure> {
    Ok(tx.find(sql::COUNT_RESET_REQUESTS, params![user, now]).await?.unwrap_or(0))
}

/// Notes a request (without a hash) or a token.
pub(crate) async fn add(
    tx: &mut Tx,
    (user, id): (UserId, ResetId),
    token_hash: Option<[u8; 32]>,
    (created_at, expires_at): (Timestamp, Timestamp),
) -> Result<(), Failure> {
    let hash = token_hash.map(|hash| hash.to_vec());
    tx.execute(sql::ADD_RESET, params![user, id, hash, created_at, expires_at]).await?;
    Ok(())
}

/// The hash of a token, and until when it is good.
pub(crate) async fn find(
    tx: &mut ReadTx,
    user: UserId,
    id: ResetId,
) -> Result<Option<([u8; 32], Timestamp)>, Failure> {
    Ok(tx.find(sql::FIND_RESET, params![user, id]).await?)
}

/// The tokens of the user, oldest first.
pub(crate) async fn list_tokens(tx: &mut ReadTx, user: UserId) -> Result<Vec<ResetId>, Failure> {
    Ok(tx.list(sql::LIST_RESETS, params![user]).await?)
}

pub(crate) async fn remove(tx: &mut Tx, user: UserId, id: ResetId) -> Result<(), Failure> {
    tx.execute(sql::REMOVE_RESET, params![user, id]).await?;
    Ok(())
}

/// Removes every request and token of the user.
pub(crate) async fn remove_all(tx: &mut Tx, user: UserId) -> Result<(), Failure> {
    tx.execute(sql::REMOVE_RESETS, params![user]).await?;
    Ok(())
}

/// Removes what expired until `now`, in small transactions; how many.
pub(crate) async fn expire(db: &Database, cx: &Context, now: Timestamp) -> Result<u64, Error> {
    let mut removed = 0;
    loop {
        let body = async move |tx: &mut Tx| tx.execute(sql::EXPIRE_RESETS, params![now, BATCH]).await;
        let rows = db.write(cx, body).await?;
        removed += rows;
        if rows < u64::from(BATCH) {
            return Ok(removed);
        }
    }
}

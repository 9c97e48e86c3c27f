use shoal_contract::users::{Session, SessionId, UserId};
use shoal_sql::{Database, FromRow, ReadTx, Row, Tx, params};
use shoal_types::{Context, Role, Timestamp};
use uuid::Uuid;

use super::sql;
use crate::error::Failure;

/// Rows removed in one transaction, so that no other write waits long.
const BATCH: u16 = 500;

/// A session as stored, and the role its user has now.
pub(crate) struct Stored {
    pub(crate) token_hash: [u8; 32],
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) role: Role,
}

impl FromRow for Stored {
    fn from_row(row: &Row<'_>) -> Result<Self, shoal_sql::Error> {
        Ok(Self {
            token_hash: row.get(0)?,
            created_at: row.get(1)?,
            expires_at: row.get(2)?,
            role: row.get(3)?,
        })
    }
}

/// A session as its user sees it; `current` is for the caller to say.
struct SessionRow(Session);

impl FromRow for SessionRow {
    fn from_row(row: &Row<'_>) -> Result<Self, shoal_sql::Error> {
        Ok(Self(Session {
            id: row.get(0)?,
            created_at: row.get(1)?,
            rotated_at: row.get(2)?,
            expires_at: row.get(3)?,
            current: false,
        }))
    }
}

pub(crate) async fn find(tx: &mut ReadTx, user: UserId, id: SessionId) -> Result<Option<Stored>, Failure> {
    Ok(tx.find(sql::FIND_SESSION, params![user, id]).await?)
}

/// The sessions of a user, expired ones among them, oldest first.
pub(crate) async fn list(tx: &mut ReadTx, user: UserId) -> Result<Vec<Session>, Failure> {
    let rows: Vec<SessionRow> = tx.list(sql::LIST_SESSIONS, params![user]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

pub(crate) async fn add(
    tx: &mut Tx,
    user: UserId,
    session: &Session,
    token_hash: [u8; 32],
) -> Result<(), Failure> {
    let params = params![user, session.id, token_hash, session.created_at, session.expires_at];
    tx.execute(sql::ADD_SESSION, params).await?;
    Ok(())
}

/// Replaces the token's hash; whether `before` was still the stored one.
pub(crate) async fn rotate(
    tx: &mut Tx,
    (user, id): (UserId, SessionId),
    before: [u8; 32],
    after: [u8; 32],
    now: Timestamp,
) -> Result<bool, Failure> {
    Ok(tx.execute(sql::ROTATE_SESSION, params![user, id, before, after, now]).await? == 1)
}

pub(crate) async fn end(tx: &mut Tx, user: UserId, id: SessionId) -> Result<(), Failure> {
    tx.execute(sql::END_SESSION, params![user, id]).await?;
    Ok(())
}

/// Ends every session of the user but `keep`.
pub(crate) async fn end_all(tx: &mut Tx, user: UserId, keep: Option<SessionId>) -> Result<(), Failure> {
    let keep = keep.map_or(Uuid::nil(), SessionId::uuid);
    tx.execute(sql::END_OTHER_SESSIONS, params![user, keep]).await?;
    Ok(())
}

/// Removes what expired until `now`, in small transactions; how many.
pub(crate) async fn expire(db: &Database, cx: &Context, now: Timestamp) -> Result<u64, shoal_sql::Error> {
    let mut removed = 0;
    loop {
        let body = async move |tx: &mut Tx| tx.execute(sql::EXPIRE_SESSIONS, params![now, BATCH]).await;
        let rows = db.write(cx, body).await?;
        removed += rows;
        if rows < u64::from(BATCH) {
            return Ok(removed);
        }
    }
}

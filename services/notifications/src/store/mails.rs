//! Mails and what became of them.

use shoal_contract::notifications::{Mail, MailId, MailKind, MailState};
use shoal_sql::{Error, FromRow, ReadTx, Row, Tx, Value, params};
use shoal_types::{Limit, Timestamp};
use uuid::Uuid;

use super::sql;
use crate::model::mail::{Detail, Kept, Mark};

impl FromRow for Kept {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        let kind: String = row.get(1)?;
        let state: String = row.get(4)?;
        let wrong = |index, expected| Error::Column { index, expected, found: "another word" };
        let kind = MailKind::parse(&kind).ok_or_else(|| wrong(1, "a kind of mail"))?;
        let state = MailState::parse(&state).ok_or_else(|| wrong(4, "a state of a mail"))?;
        let due_at = row.get(7)?;
        let mail = Mail {
            id: row.get(0)?,
            kind,
            state,
            about: row.get(2)?,
            tries: row.get(5)?,
            resent: row.get(6)?,
            code: row.get(9)?,
            created_at: row.get(10)?,
            updated_at: row.get(11)?,
            due_at: (state == MailState::Pending).then_some(due_at),
        };
        let detail: String = row.get(3)?;
        let detail = serde_json::from_str(&detail).map_err(|_| wrong(3, "the detail of a mail"))?;
        Ok(Self { mail, detail, due_at, expires_at: row.get(8)? })
    }
}

fn row(kept: &Kept) -> Result<[Value; 12], Error> {
    let mail = &kept.mail;
    Ok(params![
        mail.id,
        mail.kind.as_str(),
        &mail.about,
        written(&kept.detail)?,
        mail.state.as_str(),
        mail.tries,
        mail.resent,
        kept.due_at,
        kept.expires_at,
        mail.code.clone(),
        mail.created_at,
        mail.updated_at,
    ])
}

fn written(detail: &Detail) -> Result<String, Error> {
    let refuse = |error: serde_json::Error| Error::Statement {
        name: sql::ADD_MAILS.name(),
        detail: error.to_string(),
    };
    serde_json::to_string(detail).map_err(refuse)
}

/// Adds mails; no statement for none.
pub(crate) async fn add(tx: &mut Tx, mails: &[Kept]) -> Result<(), Error> {
    let rows = mails.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    tx.execute_rows(sql::ADD_MAILS, params![], &rows).await.map(|_| ())
}

pub(crate) async fn find(tx: &mut ReadTx, id: MailId) -> Result<Option<Kept>, Error> {
    tx.find(sql::FIND_MAIL, params![id]).await
}

/// Where a page of mails begins: after the one made then, with this id.
pub(crate) type Position = (Timestamp, Uuid);

/// One more than `limit` mails, newest first.
pub(crate) async fn list(
    tx: &mut ReadTx,
    (created_at, id): Position,
    limit: Limit,
    state: Option<MailState>,
) -> Result<Vec<Kept>, Error> {
    match state {
        None => tx.list(sql::LIST_MAILS, params![created_at, id, limit.probe()]).await,
        Some(state) => {
            let params = params![created_at, id, limit.probe(), state.as_str()];
            tx.list(sql::LIST_MAILS_OF_STATE, params).await
        }
    }
}

/// Has a mail that is over sent once more, and tried until `expires_at`; one that waits is tried `now`.
pub(crate) async fn resend(
    tx: &mut Tx,
    id: MailId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    if tx.execute(sql::RESEND_MAIL, params![id, now, expires_at]).await? == 0 {
        tx.execute(sql::HASTEN_MAIL, params![id, now]).await?;
    }
    Ok(())
}

/// At most `limit` mails to be sent `now`, the longest waiting first.
pub(crate) async fn list_due(tx: &mut ReadTx, now: Timestamp, limit: u32) -> Result<Vec<Kept>, Error> {
    tx.list(sql::LIST_DUE_MAILS, params![now, limit]).await
}

/// When the next mail is to be sent.
pub(crate) async fn next_due(tx: &mut ReadTx) -> Result<Option<Timestamp>, Error> {
    tx.find(sql::NEXT_DUE_MAIL, params![]).await
}

/// Makes those of `due` that nobody else took meanwhile `owner`'s until `until`; which ones.
pub(crate) async fn take(
    tx: &mut Tx,
    due: &[Kept],
    owner: Uuid,
    (now, until): (Timestamp, Timestamp),
) -> Result<Vec<MailId>, Error> {
    let rows: Vec<_> = due.iter().map(|kept| params![kept.mail.id, kept.mail.tries]).collect();
    tx.list_rows(sql::TAKE_MAILS, params![now, owner, until], &rows).await
}

/// Gives back at most `limit` mails that somebody took who is gone; how many.
pub(crate) async fn take_back(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<u64, Error> {
    tx.execute(sql::TAKE_BACK_MAILS, params![now, limit]).await
}

/// Notes what became of a mail that `owner` took; whether it still was theirs.
pub(crate) async fn mark(
    tx: &mut Tx,
    kept: &Kept,
    owner: Uuid,
    mark: &Mark,
    now: Timestamp,
) -> Result<bool, Error> {
    let Mark { state, code, due_at } = mark;
    let (id, tries, code) = (kept.mail.id, kept.mail.tries, code.clone());
    let params = params![id, owner, tries, state.as_str(), code, *due_at, now];
    Ok(tx.execute(sql::MARK_MAIL, params).await? == 1)
}

/// Forgets at most `limit` mails that are over and were made before `before`; how many.
pub(crate) async fn expire(tx: &mut Tx, before: Timestamp, limit: u16) -> Result<u64, Error> {
    tx.execute(sql::EXPIRE_MAILS, params![before, limit]).await
}

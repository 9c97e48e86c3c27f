//! Mails and what became of them.

use shoal_contract::notifications::{Mail, MailId, MailKind, MailState};
use shoal_sql::{Error, FromRow, ReadTx, Row, Tx, Value, params};
use shoal_types::{Limit, Timestamp};
use uuid::Uuid;

use super::sql;
use crate::model::mail::Kept;

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
            code: row.get(8)?,
            created_at: row.get(10)?,
            updated_at: row.get(11)?,
            due_at: (state == MailState::Pending).then_some(due_at),
        };
        Ok(Self { mail, detail: row.get(3)?, at: row.get(9)?, due_at })
    }
}

fn row(kept: &Kept) -> [Value; 12] {
    let mail = &kept.mail;
    params![
        mail.id,
        mail.kind.as_str(),
        &mail.about,
        &kept.detail,
        mail.state.as_str(),
        mail.tries,
        mail.resent,
        kept.due_at,
        mail.code.clone(),
        kept.at,
        mail.created_at,
        mail.updated_at,
    ]
}

/// Adds mails; no statement for none.
pub(crate) async fn add(tx: &mut Tx, mails: &[Kept]) -> Result<(), Error> {
    let rows: Vec<_> = mails.iter().map(row).collect();
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

/// Has a mail sent at once, `again` if that is once more.
pub(crate) async fn resend(tx: &mut Tx, id: MailId, now: Timestamp, again: bool) -> Result<(), Error> {
    tx.execute(sql::RESEND_MAIL, params![id, now, i64::from(again)]).await.map(|_| ())
}

/// Forgets at most `limit` mails that are over and were made before `before`; how many.
pub(crate) async fn expire(tx: &mut Tx, before: Timestamp, limit: u16) -> Result<u64, Error> {
    tx.execute(sql::EXPIRE_MAILS, params![before, limit]).await
}

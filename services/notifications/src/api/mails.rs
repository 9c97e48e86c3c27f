use std::time::Duration;

use shoal_contract::notifications::{Error, ListMails, Mail, MailRef};
use shoal_queue::once;
use shoal_types::{Context, Cursor, Fault, Page, PageRequest, Role, Timestamp};
use uuid::Uuid;

use crate::error::Failure;
use crate::{House, store};

pub(super) async fn list(house: &House, cx: &Context, request: ListMails) -> Result<Page<Mail>, Error> {
    cx.caller.require(Role::Staff)?;
    let (PageRequest { limit, cursor }, state) = (request.page, request.state);
    let after = cursor.as_ref().map_or(Ok((Timestamp::from_micros(i64::MAX), Uuid::max())), position)?;
    let body = async move |tx: &mut shoal_sql::ReadTx| store::mails::list(tx, after, limit, state).await;
    let rows = house.db.read(cx, body).await.map_err(Fault::from)?;
    let page = Page::cut(rows, limit, |kept| {
        Cursor::after(&[&kept.mail.created_at.as_micros().to_string(), &kept.mail.id.uuid().to_string()])
    });
    Ok(page.map(|kept| kept.mail))
}

fn position(cursor: &Cursor) -> Result<store::mails::Position, Fault> {
    let [created_at, id] = cursor.keys::<2>()?;
    let parsed = created_at.parse().ok().zip(id.parse().ok());
    let (created_at, id) = parsed.ok_or_else(|| {
        Fault::invalid("cursor", "cursor", "expected the `next` value of an earlier page of mails")
    })?;
    Ok((Timestamp::from_micros(created_at), id))
}

/// Has a mail sent again. What is pending anyway is only tried at once: nobody gets it twice for that.
pub(super) async fn resend(house: &House, cx: &Context, request: MailRef) -> Result<Mail, Error> {
    cx.caller.require(Role::Staff)?;
    let (id, env) = (request.mail, house.env.clone());
    let retry_for = house.options.mail.as_ref().map_or(Duration::ZERO, |mailer| mailer.retry_for());
    let resent = once(&house.db, cx, &house.env, "resend_mail", async move |tx| {
        let now = env.now();
        store::mails::resend(tx, id, now, now.plus(retry_for)).await?;
        tx.wake();
        let found = store::mails::find(tx, id).await?.ok_or(Error::UnknownMail {})?;
        Ok::<_, Failure>(found.mail)
    });
    Ok(resent.await?)
}

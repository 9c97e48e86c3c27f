use std::time::Duration;

use shoal_contract::notifications::{Error, Hear, MailId};
use shoal_queue::{Event, receive};
use shoal_types::{Context, Timestamp};

use super::webhooks::fan_out;
use crate::error::Failure;
use crate::model::access;
use crate::model::mail::{self, Kept};
use crate::{House, events, store};

/// Notes what was heard and what is to be done about it, in one transaction. The doing is a job's.
pub(super) async fn hear(house: &House, cx: &Context, request: Hear) -> Result<(), Error> {
    access::system(&cx.caller)?;
    let heard: Vec<Event> =
        events::read(&request.events)?.into_iter().filter(|event| events::wants(&event.kind)).collect();
    if heard.is_empty() {
        return Ok(());
    }
    let (env, retry_for) = (house.env.clone(), house.options.mail.as_ref().map(|mailer| mailer.retry_for()));
    let noted = house.db.write(cx, async move |tx| {
        let new = receive(tx, events::NAME, &heard, &env).await?;
        let now = env.now();
        fan_out(tx, &new, now).await?;
        let mails: Vec<Kept> = match retry_for {
            Some(retry_for) => new.into_iter().filter_map(|event| mail_for(event, now, retry_for)).collect(),
            None => Vec::new(),
        };
        store::mails::add(tx, &mails).await?;
        tx.wake();
        Ok::<_, Failure>(())
    });
    Ok(noted.await?)
}

/// The mail that an event asks for.
fn mail_for(event: &Event, now: Timestamp, retry_for: Duration) -> Option<Kept> {
    let kind = events::mail_of(&event.kind)?;
    let id = MailId::from_uuid(event.id.uuid());
    // What it lacks is left out of the mail.
    let detail = event.decode().unwrap_or_default();
    mail::new(id, kind, event.subject.clone(), detail, now, retry_for)
}

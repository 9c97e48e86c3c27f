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
    let (env, mail) = (house.env.clone(), house.options.mail);
    let noted = house.db.write(cx, async move |tx| {
        let new = receive(tx, events::NAME, &heard, &env).await?;
        let now = env.now();
        fan_out(tx, &new, now).await?;
        let mails: Vec<Kept> = match mail {
            true => new.into_iter().filter_map(|event| mail_for(event, now)).collect(),
            false => Vec::new(),
        };
        store::mails::add(tx, &mails).await?;
        tx.wake();
        Ok::<_, Failure>(())
    });
    Ok(noted.await?)
}

/// The mail that an event asks for.
fn mail_for(event: &Event, now: Timestamp) -> Option<Kept> {
    let kind = events::mail_of(&event.kind)?;
    let id = MailId::from_uuid(event.id.uuid());
    Some(mail::new(id, kind, event.subject.clone(), event.data.clone(), event.at, now))
}

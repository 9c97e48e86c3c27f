use shoal_contract::notifications::WebhookDeliveryId;
use shoal_queue::Event;
use shoal_sql::{Error, Tx};
use shoal_types::Timestamp;

use crate::model::webhook::{endpoint, message};
use crate::store::webhooks::{self as store, NewDelivery};

/// Notes a delivery for each endpoint that asked for each of `events`, in the transaction in which they are heard.
pub(crate) async fn fan_out(tx: &mut Tx, events: &[&Event], now: Timestamp) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let listeners = store::list_listeners(tx).await?;
    let mut new = Vec::new();
    for event in events {
        let mut wanted =
            listeners.iter().filter(|listener| endpoint::wants(&listener.events, &event.kind)).peekable();
        if wanted.peek().is_none() {
            continue;
        }
        // What was read as an event can be written as one.
        let Some(body) = message::body(event) else { continue };
        let id = WebhookDeliveryId::from_uuid(event.id.uuid());
        let kind = &event.kind;
        new.extend(wanted.map(|listener| NewDelivery {
            endpoint: listener.id,
            id,
            kind: kind.clone(),
            body: body.clone(),
        }));
    }
    store::add(tx, &new, now).await
}

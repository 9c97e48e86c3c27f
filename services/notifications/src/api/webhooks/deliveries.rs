use shoal_contract::notifications::{
    Error, ListWebhookDeliveries, RESENT_MAX, ResendFailedWebhooks, ResentWebhooks, WEBHOOK_TEST,
    WebhookDelivery, WebhookDeliveryId, WebhookDeliveryLog, WebhookDeliveryRef, WebhookEndpointId,
    WebhookEndpointRef, WebhookEndpointState,
};
use shoal_queue::{EventId, once};
use shoal_sql::{ReadTx, Tx};
use shoal_types::{Context, Cursor, Fault, Page, PageRequest, Role};
use uuid::Uuid;

use super::endpoints::existing;
use crate::House;
use crate::error::Failure;
use crate::model::webhook::message;
use crate::store::webhooks::{self as store, NewDelivery};

pub(crate) async fn list(
    house: &House,
    cx: &Context,
    request: ListWebhookDeliveries,
) -> Result<Page<WebhookDelivery>, Error> {
    cx.caller.require(Role::Staff)?;
    let ListWebhookDeliveries { endpoint, page: PageRequest { limit, cursor }, state, kind } = request;
    let before = cursor.as_ref().map_or(Ok(Uuid::max()), position)?;
    // A type that nobody could write has no deliveries.
    let kind = kind.map(|kind| if kind.contains(char::is_control) { "-".to_owned() } else { kind });
    let body = async move |tx: &mut ReadTx| {
        existing(tx, endpoint).await?;
        Ok::<_, Failure>(store::list(tx, endpoint, before, limit, state, kind.clone()).await?)
    };
    let rows = house.db.read(cx, body).await?;
    Ok(Page::cut(rows, limit, |delivery| Cursor::after(&[&delivery.id.to_string()])))
}

fn position(cursor: &Cursor) -> Result<Uuid, Fault> {
    let [id] = cursor.keys::<1>()?;
    let id = id.parse::<WebhookDeliveryId>().map_err(|_| {
        Fault::invalid("cursor", "cursor", "expected the `next` value of an earlier page of deliveries")
    })?;
    Ok(id.uuid())
}

pub(crate) async fn get(
    house: &House,
    cx: &Context,
    request: WebhookDeliveryRef,
) -> Result<WebhookDeliveryLog, Error> {
    cx.caller.require(Role::Staff)?;
    let WebhookDeliveryRef { endpoint, delivery } = request;
    let body = async move |tx: &mut ReadTx| {
        let (delivery, body) = known(tx, endpoint, delivery).await?;
        let attempts = store::list_attempts(tx, endpoint, delivery.id).await?;
        Ok::<_, Failure>(WebhookDeliveryLog { delivery, body, attempts })
    };
    Ok(house.db.read(cx, body).await?)
}

/// The delivery and its body, if there are such an endpoint and such a delivery.
async fn known(
    tx: &mut ReadTx,
    endpoint: WebhookEndpointId,
    id: WebhookDeliveryId,
) -> Result<(WebhookDelivery, String), Failure> {
    existing(tx, endpoint).await?;
    Ok(store::find(tx, endpoint, id).await?.ok_or(Error::UnknownWebhookDelivery {})?)
}

/// Passes an endpoint that is sent what waits for it.
async fn enabled(tx: &mut ReadTx, id: WebhookEndpointId) -> Result<(), Failure> {
    match existing(tx, id).await?.state {
        WebhookEndpointState::Enabled => Ok(()),
        WebhookEndpointState::Disabled => Err(Error::WebhookEndpointDisabled {}.into()),
    }
}

/// Sends an event that says nothing, so that an endpoint's owner sees whether it arrives.
pub(crate) async fn test(
    house: &House,
    cx: &Context,
    WebhookEndpointRef { endpoint }: WebhookEndpointRef,
) -> Result<WebhookDelivery, Error> {
    cx.caller.require(Role::Staff)?;
    let (event, now): (EventId, _) = (house.env.id(), house.env.now());
    let id = WebhookDeliveryId::from_uuid(event.uuid());
    let body = message::test(event, endpoint, now);
    let added = once(&house.db, cx, &house.env, "test_webhook_endpoint", async move |tx| {
        enabled(tx, endpoint).await?;
        let new = NewDelivery { endpoint, id, kind: WEBHOOK_TEST.to_owned(), body: body.clone() };
        store::add(tx, &[new], now).await?;
        tx.wake();
        Ok::<_, Failure>(known(tx, endpoint, id).await?.0)
    });
    Ok(added.await?)
}

/// Sends a delivery again, whatever became of it.
pub(crate) async fn resend(
    house: &House,
    cx: &Context,
    request: WebhookDeliveryRef,
) -> Result<WebhookDelivery, Error> {
    cx.caller.require(Role::Staff)?;
    let (WebhookDeliveryRef { endpoint, delivery: id }, now) = (request, house.env.now());
    let resent = once(&house.db, cx, &house.env, "resend_webhook", async move |tx| {
        known(tx, endpoint, id).await?;
        enabled(tx, endpoint).await?;
        store::resend(tx, &[(endpoint, id)], now).await?;
        tx.wake();
        Ok::<_, Failure>(known(tx, endpoint, id).await?.0)
    });
    Ok(resent.await?)
}

/// Sends again what was given up, at most [`RESENT_MAX`] deliveries.
pub(crate) async fn resend_failed(
    house: &House,
    cx: &Context,
    request: ResendFailedWebhooks,
) -> Result<ResentWebhooks, Error> {
    cx.caller.require(Role::Staff)?;
    let (ResendFailedWebhooks { endpoint, since }, now) = (request, house.env.now());
    let body = async move |tx: &mut Tx| {
        enabled(tx, endpoint).await?;
        let failed = store::list_failed(tx, endpoint, since, RESENT_MAX).await?;
        let resent = store::resend(tx, &failed, now).await?;
        tx.wake();
        let resent = u32::try_from(resent).unwrap_or(u32::MAX);
        Ok::<_, Failure>(ResentWebhooks { resent })
    };
    Ok(once(&house.db, cx, &house.env, "resend_failed_webhooks", body).await?)
}

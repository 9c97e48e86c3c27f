use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shoal_contract::check;
use shoal_contract::notifications::{
    Error, ListWebhookEndpoints, NewWebhookEndpoint, SwitchWebhookEndpoint, UpdateWebhookEndpoint,
    WebhookEndpoint, WebhookEndpointId, WebhookEndpointRef, WebhookEndpointSecret,
};
use shoal_net::outgoing::{Destination, Unfit};
use shoal_queue::once;
use shoal_sql::{ReadTx, Tx};
use shoal_types::{Context, Cursor, Fault, Page, PageRequest, Role, Secret};
use uuid::Uuid;

use crate::House;
use crate::error::Failure;
use crate::model::webhook::endpoint::{Change, Kept};
use crate::model::webhook::secret;
use crate::store::webhooks as store;

/// An answer that came with a secret, as it is kept for repeats: with the secret's hash in its place.
#[derive(Serialize, Deserialize)]
struct Answered {
    endpoint: WebhookEndpoint,
    secret_hash: [u8; 32],
}

pub(crate) async fn create(
    house: &House,
    cx: &Context,
    new: NewWebhookEndpoint,
) -> Result<WebhookEndpointSecret, Error> {
    cx.caller.require(Role::Staff)?;
    check(&new)?;
    let (now, secret) = (house.env.now(), secret::issue(house.env.rng().token()));
    let url = fit(house, &new.url)?;
    let kept = Kept::new(house.env.id(), url, new.description, new.events, secret.clone(), now);
    let most = house.options.webhooks.endpoints_max;
    let added = once(&house.db, cx, &house.env, "create_webhook_endpoint", async move |tx| {
        if !store::add_endpoint(tx, &kept, most).await? {
            return Err(Error::TooManyWebhookEndpoints { limit: most }.into());
        }
        let secret_hash = hash(&kept.secrets.current);
        Ok::<_, Failure>(Answered { endpoint: kept.clone().shown(now), secret_hash })
    });
    with_secret(house, cx, added.await?, secret).await
}

pub(crate) async fn rotate(
    house: &House,
    cx: &Context,
    WebhookEndpointRef { endpoint: id }: WebhookEndpointRef,
) -> Result<WebhookEndpointSecret, Error> {
    cx.caller.require(Role::Staff)?;
    let (now, secret) = (house.env.now(), secret::issue(house.env.rng().token()));
    let (fresh, old_for) = (secret.clone(), house.options.webhooks.old_secret_for);
    let rotated = once(&house.db, cx, &house.env, "rotate_webhook_secret", async move |tx| {
        let next = held(tx, id).await?.rotate(fresh.clone(), old_for, now);
        save(tx, &next).await?;
        Ok::<_, Failure>(Answered { secret_hash: hash(&fresh), endpoint: next.shown(now) })
    });
    with_secret(house, cx, rotated.await?, secret).await
}

fn hash(secret: &Secret) -> [u8; 32] {
    Sha256::digest(secret.expose()).into()
}

/// The answer with its secret. A repeat drew another, which is not the endpoint's: the one of the first answer is.
async fn with_secret(
    house: &House,
    cx: &Context,
    answered: Answered,
    drawn: Secret,
) -> Result<WebhookEndpointSecret, Error> {
    let Answered { endpoint, secret_hash } = answered;
    if hash(&drawn) == secret_hash {
        return Ok(WebhookEndpointSecret { endpoint, secret: drawn });
    }
    let id = endpoint.id;
    let kept = house.db.read(cx, async move |tx| existing(tx, id).await).await?;
    let old = kept.secrets.old.map(|(secret, _)| secret);
    let first = std::iter::once(kept.secrets.current).chain(old).find(|secret| hash(secret) == secret_hash);
    let secret = first.ok_or(Error::WebhookSecretReplaced {})?;
    Ok(WebhookEndpointSecret { endpoint, secret })
}

/// The URL as it is requested, if it may be.
fn fit(house: &House, url: &str) -> Result<String, Fault> {
    let refuse = |unfit: Unfit| {
        let rule = match unfit {
            Unfit::Unreadable => "url",
            Unfit::TooLong => "too_long",
            Unfit::Credentials => "credentials",
            Unfit::Fragment => "fragment",
            Unfit::NotEncrypted => "https",
            Unfit::Port(_) => "port",
            Unfit::Address => "public_address",
        };
        Fault::invalid("url", rule, unfit.to_string())
    };
    let destination: Destination = url.parse().map_err(refuse)?;
    house.webhooks.guard().inspect(&destination).map_err(refuse)?;
    Ok(destination.as_str().to_owned())
}

/// The endpoint, if there is one.
pub(super) async fn existing(tx: &mut ReadTx, id: WebhookEndpointId) -> Result<Kept, Failure> {
    Ok(store::find_endpoint(tx, id).await?.ok_or(Error::UnknownWebhookEndpoint {})?)
}

/// The same, held so that no other change comes between.
async fn held(tx: &mut Tx, id: WebhookEndpointId) -> Result<Kept, Failure> {
    Ok(store::hold_endpoint(tx, id).await?.ok_or(Error::UnknownWebhookEndpoint {})?)
}

/// Writes a change to an endpoint that was held. What waits may be due by it.
async fn save(tx: &mut Tx, next: &Kept) -> Result<(), Failure> {
    if !store::save_endpoint(tx, next).await? {
        return Err(Error::WebhookEndpointChanged { version: next.version }.into());
    }
    tx.wake();
    Ok(())
}

pub(crate) async fn list(
    house: &House,
    cx: &Context,
    request: ListWebhookEndpoints,
) -> Result<Page<WebhookEndpoint>, Error> {
    cx.caller.require(Role::Staff)?;
    let PageRequest { limit, cursor } = request.page;
    let after = cursor.as_ref().map_or(Ok(Uuid::nil()), position)?;
    let body = async move |tx: &mut ReadTx| store::list_endpoints(tx, after, limit).await;
    let rows = house.db.read(cx, body).await.map_err(Fault::from)?;
    let now = house.env.now();
    Ok(Page::cut(rows, limit, |kept| Cursor::after(&[&kept.id.to_string()])).map(|kept| kept.shown(now)))
}

fn position(cursor: &Cursor) -> Result<Uuid, Fault> {
    let [id] = cursor.keys::<1>()?;
    let id = id.parse::<WebhookEndpointId>().map_err(|_| {
        Fault::invalid("cursor", "cursor", "expected the `next` value of an earlier page of endpoints")
    })?;
    Ok(id.uuid())
}

pub(crate) async fn get(
    house: &House,
    cx: &Context,
    WebhookEndpointRef { endpoint: id }: WebhookEndpointRef,
) -> Result<WebhookEndpoint, Error> {
    cx.caller.require(Role::Staff)?;
    let kept = house.db.read(cx, async move |tx| existing(tx, id).await).await?;
    Ok(kept.shown(house.env.now()))
}

pub(crate) async fn update(
    house: &House,
    cx: &Context,
    request: UpdateWebhookEndpoint,
) -> Result<WebhookEndpoint, Error> {
    cx.caller.require(Role::Staff)?;
    let UpdateWebhookEndpoint { endpoint: id, expected_version, change } = request;
    check(&change)?;
    let url = change.url.as_deref().map(|url| fit(house, url)).transpose()?;
    let change = Change { url, description: change.description, events: change.events };
    let now = house.env.now();
    let changed = house.db.write(cx, async move |tx| {
        let kept = held(tx, id).await?;
        if expected_version.is_some_and(|version| version != kept.version) {
            return Err(Error::WebhookEndpointChanged { version: kept.version }.into());
        }
        let Some(next) = kept.apply(change.clone(), now) else { return Ok(kept) };
        save(tx, &next).await?;
        Ok::<_, Failure>(next)
    });
    Ok(changed.await?.shown(now))
}

pub(crate) async fn switch(
    house: &House,
    cx: &Context,
    SwitchWebhookEndpoint { endpoint: id, enabled }: SwitchWebhookEndpoint,
) -> Result<WebhookEndpoint, Error> {
    cx.caller.require(Role::Staff)?;
    let now = house.env.now();
    let switched = house.db.write(cx, async move |tx| {
        let kept = held(tx, id).await?;
        let Some(next) = kept.switch(enabled, now) else { return Ok(kept) };
        save(tx, &next).await?;
        Ok::<_, Failure>(next)
    });
    Ok(switched.await?.shown(now))
}

pub(crate) async fn delete(
    house: &House,
    cx: &Context,
    WebhookEndpointRef { endpoint: id }: WebhookEndpointRef,
) -> Result<(), Error> {
    cx.caller.require(Role::Staff)?;
    let removed = house.db.write(cx, async move |tx| {
        let removed = store::remove_endpoint(tx, id).await?;
        if removed { Ok::<_, Failure>(()) } else { Err(Error::UnknownWebhookEndpoint {}.into()) }
    });
    Ok(removed.await?)
}

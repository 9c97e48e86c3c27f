use shoal_contract::notifications::{WebhookDisabledReason, WebhookEndpointId, WebhookEndpointState};
use shoal_sql::{Error, FromRow, ReadTx, Row, Tx, params};
use shoal_types::{Limit, Secret, Timestamp};
use uuid::Uuid;

use super::sql;
use crate::model::webhook::endpoint::{Kept, Secrets};

/// How many endpoints are looked at: more than there may be.
const ENDPOINTS_MAX: u16 = 1_000;

impl FromRow for Kept {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        let reason: Option<String> = row.get(5)?;
        let reason = reason.as_deref().map(|word| {
            let wrong = Error::Column { index: 5, expected: "a reason", found: "another word" };
            WebhookDisabledReason::parse(word).ok_or(wrong)
        });
        let enabled: bool = row.get(4)?;
        let old: Option<String> = row.get(10)?;
        let old_until: Option<Timestamp> = row.get(11)?;
        let state = match enabled {
            true => WebhookEndpointState::Enabled,
            false => WebhookEndpointState::Disabled,
        };
        Ok(Self {
            id: row.get(0)?,
            url: row.get(1)?,
            description: row.get(2)?,
            events: patterns(&row.get::<String>(3)?, 3)?,
            state,
            disabled_reason: reason.transpose()?,
            disabled_at: row.get(6)?,
            failing_since: row.get(7)?,
            rest_until: row.get(8)?,
            secrets: Secrets {
                current: Secret::new(row.get::<String>(9)?),
                old: old.map(Secret::new).zip(old_until),
            },
            version: row.get(12)?,
            created_at: row.get(13)?,
            updated_at: row.get(14)?,
        })
    }
}

fn patterns(text: &str, index: usize) -> Result<Vec<String>, Error> {
    serde_json::from_str(text).map_err(|_| Error::Column {
        index,
        expected: "a list of types",
        found: "text",
    })
}

fn text(patterns: &[String]) -> String {
    serde_json::Value::from(patterns).to_string()
}

/// An enabled endpoint and when the first of its pending deliveries is due.
pub(crate) struct Waiting {
    pub(crate) endpoint: Kept,
    pub(crate) due_at: Option<Timestamp>,
}

impl FromRow for Waiting {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self { endpoint: Kept::from_row(row)?, due_at: row.get(15)? })
    }
}

/// An enabled endpoint and what it asked for.
pub(crate) struct Listener {
    pub(crate) id: WebhookEndpointId,
    pub(crate) events: Vec<String>,
}

impl FromRow for Listener {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self { id: row.get(0)?, events: patterns(&row.get::<String>(1)?, 1)? })
    }
}

/// Adds an endpoint, unless there are `most` already; whether it was added.
pub(crate) async fn add_endpoint(tx: &mut Tx, kept: &Kept, most: u32) -> Result<bool, Error> {
    if tx.execute(sql::COUNT_ENDPOINT, params![most]).await? == 0 {
        return Ok(false);
    }
    let secret = kept.secrets.current.expose();
    let params =
        params![kept.id, &kept.url, kept.description.clone(), text(&kept.events), secret, kept.created_at];
    tx.execute(sql::ADD_ENDPOINT, params).await?;
    Ok(true)
}

pub(crate) async fn find_endpoint(tx: &mut ReadTx, id: WebhookEndpointId) -> Result<Option<Kept>, Error> {
    tx.find(sql::FIND_ENDPOINT, params![id]).await
}

/// The endpoint, which nobody else changes until the transaction ends.
pub(crate) async fn hold_endpoint(tx: &mut Tx, id: WebhookEndpointId) -> Result<Option<Kept>, Error> {
    tx.find(sql::HOLD_ENDPOINT, params![id]).await
}

/// One more than `limit` endpoints after `after`, oldest first.
pub(crate) async fn list_endpoints(tx: &mut ReadTx, after: Uuid, limit: Limit) -> Result<Vec<Kept>, Error> {
    tx.list(sql::LIST_ENDPOINTS, params![after, limit.probe()]).await
}

/// The enabled endpoints, each with the time at which it is to be sent something.
pub(crate) async fn list_waiting(tx: &mut ReadTx) -> Result<Vec<Waiting>, Error> {
    tx.list(sql::LIST_WAITING, params![ENDPOINTS_MAX]).await
}

/// The enabled endpoints and what they asked for.
pub(crate) async fn list_listeners(tx: &mut ReadTx) -> Result<Vec<Listener>, Error> {
    tx.list(sql::LIST_LISTENERS, params![ENDPOINTS_MAX]).await
}

/// Changes an endpoint to `next`, whose version is the one after that of the row; whether the row was at that.
pub(crate) async fn save_endpoint(tx: &mut Tx, next: &Kept) -> Result<bool, Error> {
    let (old, old_until) = next.secrets.old.clone().unzip();
    let version = i64::try_from(next.version).unwrap_or(i64::MAX);
    let params = params![
        next.id,
        &next.url,
        next.description.clone(),
        text(&next.events),
        next.state == WebhookEndpointState::Enabled,
        next.disabled_reason.map(WebhookDisabledReason::as_str),
        next.disabled_at,
        next.failing_since,
        next.rest_until,
        next.secrets.current.expose(),
        old.as_ref().map(Secret::expose),
        old_until,
        version,
        next.updated_at,
    ];
    Ok(tx.execute(sql::SAVE_ENDPOINT, params).await? == 1)
}

/// Removes an endpoint; whether there was one. Its deliveries are nobody's from now on, and go when they are old.
pub(crate) async fn remove_endpoint(tx: &mut Tx, id: WebhookEndpointId) -> Result<bool, Error> {
    if tx.execute(sql::REMOVE_ENDPOINT, params![id]).await? == 0 {
        return Ok(false);
    }
    tx.execute(sql::UNCOUNT_ENDPOINT, params![]).await?;
    Ok(true)
}

pub(crate) async fn mark_failing(tx: &mut Tx, id: WebhookEndpointId, since: Timestamp) -> Result<(), Error> {
    tx.execute(sql::MARK_FAILING, params![id, since]).await.map(|_| ())
}

pub(crate) async fn mark_well(tx: &mut Tx, id: WebhookEndpointId) -> Result<(), Error> {
    tx.execute(sql::MARK_WELL, params![id]).await.map(|_| ())
}

/// Leaves an endpoint alone until then.
pub(crate) async fn rest(tx: &mut Tx, id: WebhookEndpointId, until: Timestamp) -> Result<(), Error> {
    tx.execute(sql::REST, params![id, until]).await.map(|_| ())
}

/// Disables an endpoint; whether it was enabled.
pub(crate) async fn disable(
    tx: &mut Tx,
    id: WebhookEndpointId,
    reason: WebhookDisabledReason,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(tx.execute(sql::DISABLE, params![id, reason.as_str(), now]).await? == 1)
}

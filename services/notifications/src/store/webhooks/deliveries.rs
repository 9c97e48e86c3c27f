use shoal_contract::notifications::{
    WebhookAttempt, WebhookDelivery, WebhookDeliveryId, WebhookDeliveryState, WebhookEndpointId, WebhookError,
};
use shoal_queue::EventId;
use shoal_sql::{Error, FromRow, ReadTx, Tx, Value, params};
use shoal_types::{Limit, Timestamp};
use uuid::Uuid;

use super::sql;
use crate::model::webhook::outcome::{Fate, Outcome};

/// Attempts of a delivery that are shown.
const ATTEMPTS_MAX: u16 = 100;

/// A delivery as it is shown.
pub(crate) struct Row(pub(crate) WebhookDelivery);

impl FromRow for Row {
    fn from_row(row: &shoal_sql::Row<'_>) -> Result<Self, Error> {
        let id: WebhookDeliveryId = row.get(1)?;
        let state: String = row.get(3)?;
        let wrong = Error::Column { index: 3, expected: "a state of a delivery", found: "another word" };
        let state = WebhookDeliveryState::parse(&state).ok_or(wrong)?;
        let due_at = row.get(5)?;
        Ok(Self(WebhookDelivery {
            id,
            endpoint: row.get(0)?,
            event: EventId::from_uuid(id.uuid()).to_string(),
            kind: row.get(2)?,
            state,
            attempts: row.get(4)?,
            next_attempt_at: (state == WebhookDeliveryState::Pending).then_some(due_at),
            created_at: row.get(6)?,
            ended_at: row.get(7)?,
        }))
    }
}

/// A delivery to be made at once.
#[derive(Debug, Clone)]
pub(crate) struct NewDelivery {
    pub(crate) endpoint: WebhookEndpointId,
    pub(crate) id: WebhookDeliveryId,
    pub(crate) kind: String,
    pub(crate) body: String,
}

/// Adds deliveries that are due at once; no statement for none. Those that are there stay as they are.
pub(crate) async fn add(tx: &mut Tx, new: &[NewDelivery], now: Timestamp) -> Result<(), Error> {
    let pending = WebhookDeliveryState::Pending.as_str();
    let row = |new: &NewDelivery| -> [Value; 10] {
        params![new.endpoint, new.id, &new.kind, &new.body, pending, 0, 0, now, 0, now]
    };
    let rows: Vec<_> = new.iter().map(row).collect();
    tx.execute_rows(sql::ADD_DELIVERIES, params![], &rows).await.map(|_| ())
}

/// A delivery and its body.
pub(crate) async fn find(
    tx: &mut ReadTx,
    endpoint: WebhookEndpointId,
    id: WebhookDeliveryId,
) -> Result<Option<(WebhookDelivery, String)>, Error> {
    let found = tx.find::<Row>(sql::FIND_DELIVERY, params![endpoint, id]).await?;
    let body = tx.find::<String>(sql::FIND_BODY, params![endpoint, id]).await?;
    Ok(found.map(|row| row.0).zip(body))
}

/// One more than `limit` deliveries of the endpoint before `before`, newest first.
pub(crate) async fn list(
    tx: &mut ReadTx,
    endpoint: WebhookEndpointId,
    before: Uuid,
    limit: Limit,
    state: Option<WebhookDeliveryState>,
    kind: Option<String>,
) -> Result<Vec<WebhookDelivery>, Error> {
    let state = state.map_or("", WebhookDeliveryState::as_str);
    let params = params![endpoint, before, limit.probe(), state, kind.unwrap_or_default()];
    let rows: Vec<Row> = tx.list(sql::LIST_DELIVERIES, params).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// A delivery that is due.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    pub(crate) id: WebhookDeliveryId,
    pub(crate) epoch: i64,
    pub(crate) attempts: u32,
    pub(crate) tries: u32,
    pub(crate) body: String,
}

impl FromRow for Due {
    fn from_row(row: &shoal_sql::Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            epoch: row.get(1)?,
            attempts: row.get(2)?,
            tries: row.get(3)?,
            body: row.get(4)?,
        })
    }
}

/// At most `limit` deliveries of the endpoint that are due.
pub(crate) async fn list_due(
    tx: &mut ReadTx,
    endpoint: WebhookEndpointId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Due>, Error> {
    tx.list(sql::LIST_DUE, params![endpoint, now, limit]).await
}

/// Takes deliveries until then and answers those taken, at their new epoch: not those that another was faster with.
pub(crate) async fn claim(
    tx: &mut Tx,
    endpoint: WebhookEndpointId,
    due: Vec<Due>,
    until: Timestamp,
) -> Result<Vec<Due>, Error> {
    let rows: Vec<_> = due.iter().map(|due| params![endpoint, due.id, due.epoch]).collect();
    let taken: Vec<WebhookDeliveryId> = tx.list_rows(sql::CLAIM_DELIVERIES, params![until], &rows).await?;
    let taken = due.into_iter().filter(|due| taken.contains(&due.id));
    Ok(taken.map(|due| Due { epoch: due.epoch + 1, ..due }).collect())
}

/// Notes what became of a delivery that was taken; whether it still is of who took it.
pub(crate) async fn end_attempt(
    tx: &mut Tx,
    endpoint: WebhookEndpointId,
    due: &Due,
    fate: Fate,
    now: Timestamp,
) -> Result<bool, Error> {
    let (state, due_at, ended_at) = match fate {
        Fate::Delivered => (WebhookDeliveryState::Delivered, now, Some(now)),
        Fate::GivenUp => (WebhookDeliveryState::Failed, now, Some(now)),
        Fate::Again(at) => (WebhookDeliveryState::Pending, at, None),
    };
    let params = params![endpoint, due.id, due.epoch, state.as_str(), due_at, ended_at];
    Ok(tx.execute(sql::END_ATTEMPT, params).await? == 1)
}

/// Has deliveries sent at once, with all tries before them; no statement for none.
pub(crate) async fn resend(
    tx: &mut Tx,
    keys: &[(WebhookEndpointId, WebhookDeliveryId)],
    now: Timestamp,
) -> Result<u64, Error> {
    let rows: Vec<_> = keys.iter().map(|(endpoint, id)| params![*endpoint, *id]).collect();
    tx.execute_rows(sql::RESEND_DELIVERIES, params![now], &rows).await
}

/// At most `limit` deliveries that were given up, of events heard since then.
pub(crate) async fn list_failed(
    tx: &mut ReadTx,
    endpoint: WebhookEndpointId,
    since: Timestamp,
    limit: u32,
) -> Result<Vec<(WebhookEndpointId, WebhookDeliveryId)>, Error> {
    tx.list(sql::LIST_FAILED, params![endpoint, since, limit]).await
}

/// Notes an attempt that began `at` a time.
pub(crate) async fn add_attempt(
    tx: &mut Tx,
    endpoint: WebhookEndpointId,
    due: &Due,
    outcome: &Outcome,
    (at, duration_ms): (Timestamp, i64),
) -> Result<(), Error> {
    let (status, error, answer) = match outcome {
        Outcome::Answered { status, answer, .. } => (Some(*status), None, answer.as_str()),
        Outcome::Unanswered(error) => (None, Some(error.as_str()), ""),
    };
    let number = due.attempts + 1;
    let params = params![endpoint, due.id, number, at, duration_ms, status, error, answer];
    tx.execute(sql::ADD_ATTEMPT, params).await.map(|_| ())
}

struct Attempt(WebhookAttempt);

impl FromRow for Attempt {
    fn from_row(row: &shoal_sql::Row<'_>) -> Result<Self, Error> {
        let error: Option<String> = row.get(4)?;
        let error = error.map(|word| {
            let wrong = Error::Column { index: 4, expected: "a reason", found: "another word" };
            WebhookError::parse(&word).ok_or(wrong)
        });
        Ok(Self(WebhookAttempt {
            number: row.get(0)?,
            at: row.get(1)?,
            duration_ms: row.get(2)?,
            status: row.get(3)?,
            error: error.transpose()?,
            answer: row.get(5)?,
        }))
    }
}

/// The attempts at a delivery, the latest first.
pub(crate) async fn list_attempts(
    tx: &mut ReadTx,
    endpoint: WebhookEndpointId,
    id: WebhookDeliveryId,
) -> Result<Vec<WebhookAttempt>, Error> {
    let rows: Vec<Attempt> = tx.list(sql::LIST_ATTEMPTS, params![endpoint, id, ATTEMPTS_MAX]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Forgets at most `limit` deliveries of events heard before `before`, with their attempts; how many.
pub(crate) async fn expire(tx: &mut Tx, before: Timestamp, limit: u16) -> Result<u64, Error> {
    let old: Vec<(Uuid, Uuid)> = tx.list(sql::LIST_OLD, params![before, limit]).await?;
    let rows: Vec<_> = old.iter().map(|(endpoint, id)| params![*endpoint, *id]).collect();
    tx.execute_rows(sql::REMOVE_ATTEMPTS, params![], &rows).await?;
    tx.execute_rows(sql::REMOVE_DELIVERIES, params![], &rows).await
}

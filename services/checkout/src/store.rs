//! Queries on the sagas. No rules: `saga` decides, this remembers.

pub(crate) mod book;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shoal_contract::checkout::CheckoutId;
use shoal_contract::orders::Quote;
use shoal_sql::{Error, FromRow, Migration, ReadTx, Row, Tx, params, statements};
use shoal_types::{Fault, Timestamp};
use uuid::Uuid;

statements! {
    pub(crate) mod sql {
        INSERT_SAGA = include_str!("store/insert_saga.sql");
        LOG_STAGE = include_str!("store/log_stage.sql");
        FINISH_SAGA = include_str!("store/finish_saga.sql");
        CLAIM_SAGA = include_str!("store/claim_saga.sql");
        FIND_SAGA = include_str!("store/find_saga.sql");
        FIND_SAGA_BY_KEY = include_str!("store/find_saga_by_key.sql");
        LIST_DUE_SAGAS = include_str!("store/list_due_sagas.sql");
        LIST_ORPHANED_SAGAS = include_str!("store/list_orphaned_sagas.sql");
        INSERT_NOTICE = "insert into notices (provider, event_id, at) values ($1, $2, $3)
            on conflict (provider, event_id) do nothing";
    }
}

/// The schema's history.
pub const MIGRATIONS: &[Migration] =
    &[shoal_queue::MIGRATION, Migration::new("0002_sagas.sql", include_str!("../migrations/0002_sagas.sql"))];

/// What a saga is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Purchase,
    Cancellation,
    TakeBack,
    Refund,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Purchase, Self::Cancellation, Self::TakeBack, Self::Refund];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Cancellation => "cancellation",
            Self::TakeBack => "take_back",
            Self::Refund => "refund",
        }
    }
}

/// A saga as it is remembered.
#[derive(Debug, Clone)]
pub(crate) struct Saga {
    pub(crate) id: CheckoutId,
    pub(crate) kind: Kind,
    /// SHA-256 of the request it began with.
    pub(crate) fingerprint: Option<Vec<u8>>,
    pub(crate) epoch: i64,
    pub(crate) done: bool,
    input: String,
    pub(crate) quote: Option<Box<Quote>>,
    stage: String,
    pub(crate) created_at: Timestamp,
    owner: Uuid,
    wake_at: Timestamp,
}

impl Saga {
    /// Whether a node other than `owner` is at work on it, as far as its lease tells.
    pub(crate) fn is_held_against(&self, owner: Uuid, now: Timestamp) -> bool {
        self.owner != owner && self.wake_at > now
    }

    /// What it began with.
    pub(crate) fn input<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        parse(&self.input)
    }

    /// The same saga, as its next owner holds it.
    pub(crate) fn taken_over(self) -> Self {
        Self { epoch: self.epoch + 1, ..self }
    }

    /// The last stage noted.
    pub(crate) fn stage<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        parse(&self.stage)
    }
}

impl FromRow for Saga {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        let kind: String = row.get(1)?;
        let quote: Option<String> = row.get(6)?;
        let unreadable =
            |index: usize| Error::Column { index, expected: "a value this version writes", found: "another" };
        Ok(Self {
            id: row.get(0)?,
            kind: Kind::ALL.into_iter().find(|each| each.as_str() == kind).ok_or_else(|| unreadable(1))?,
            fingerprint: row.get(2)?,
            epoch: row.get(3)?,
            done: row.get(4)?,
            input: row.get(5)?,
            quote: quote.map(|text| serde_json::from_str(&text)).transpose().map_err(|_| unreadable(6))?,
            stage: row.get(7)?,
            created_at: row.get(8)?,
            owner: row.get(9)?,
            wake_at: row.get(10)?,
        })
    }
}

/// A saga that begins.
#[derive(Debug, Clone)]
pub(crate) struct NewSaga {
    pub(crate) id: CheckoutId,
    pub(crate) kind: Kind,
    pub(crate) key: Option<Key>,
    pub(crate) owner: Uuid,
    pub(crate) wake_at: Timestamp,
    pub(crate) input: String,
    pub(crate) stage: String,
    pub(crate) at: Timestamp,
}

impl NewSaga {
    /// The saga as it will be found.
    pub(crate) fn as_saga(&self) -> Saga {
        Saga {
            id: self.id,
            kind: self.kind,
            fingerprint: self.key.as_ref().map(|key| key.fingerprint.to_vec()),
            epoch: 1,
            done: false,
            input: self.input.clone(),
            quote: None,
            stage: self.stage.clone(),
            created_at: self.at,
            owner: self.owner,
            wake_at: self.wake_at,
        }
    }
}

/// An idempotency key, as it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// SHA-256 of who uses it for what, and the key itself.
    pub(crate) hash: [u8; 32],
    /// SHA-256 of the request.
    pub(crate) fingerprint: [u8; 32],
}

/// Writes the saga; `false` if its key is taken.
pub(crate) async fn insert(tx: &mut Tx, saga: &NewSaga) -> Result<bool, Error> {
    let key = saga.key.as_ref();
    let params = params![
        saga.id,
        saga.kind.as_str(),
        key.map(|key| key.hash.to_vec()),
        key.map(|key| key.fingerprint.to_vec()),
        saga.owner,
        saga.wake_at,
        saga.input.as_str(),
        saga.stage.as_str(),
        saga.at,
    ];
    Ok(tx.execute(sql::INSERT_SAGA, params).await? == 1)
}

/// Notes the next stage, and the quote when there is a new one; `false` if the saga has another owner by now.
pub(crate) async fn log(
    tx: &mut Tx,
    (id, epoch): (CheckoutId, i64),
    stage: &str,
    quote: Option<&str>,
    (now, wake_at): (Timestamp, Timestamp),
) -> Result<bool, Error> {
    Ok(tx.execute(sql::LOG_STAGE, params![id, epoch, stage, quote, wake_at, now]).await? == 1)
}

/// Ends the saga; `false` if it has another owner by now.
pub(crate) async fn finish(
    tx: &mut Tx,
    (id, epoch): (CheckoutId, i64),
    stage: &str,
    free_key: bool,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(tx.execute(sql::FINISH_SAGA, params![id, epoch, stage, now, free_key]).await? == 1)
}

/// Takes the saga over; `false` if somebody was faster.
pub(crate) async fn claim(tx: &mut Tx, saga: &Saga, owner: Uuid, wake_at: Timestamp) -> Result<bool, Error> {
    Ok(tx.execute(sql::CLAIM_SAGA, params![saga.id, owner, saga.epoch, wake_at]).await? == 1)
}

/// Finds a saga by its id.
pub(crate) async fn find(tx: &mut ReadTx, id: CheckoutId) -> Result<Option<Saga>, Error> {
    tx.find(sql::FIND_SAGA, params![id]).await
}

/// Finds a saga by its key.
pub(crate) async fn find_by_key(tx: &mut ReadTx, hash: [u8; 32]) -> Result<Option<Saga>, Error> {
    tx.find(sql::FIND_SAGA_BY_KEY, params![hash.to_vec()]).await
}

/// Lists unfinished sagas that nobody works on at `now`, at most `limit`.
pub(crate) async fn list_due(tx: &mut ReadTx, now: Timestamp, limit: i64) -> Result<Vec<Saga>, Error> {
    tx.list(sql::LIST_DUE_SAGAS, params![now, limit]).await
}

/// Lists unfinished sagas of other owners, at most `limit`.
pub(crate) async fn list_orphans(tx: &mut ReadTx, owner: Uuid, limit: i64) -> Result<Vec<Saga>, Error> {
    tx.list(sql::LIST_ORPHANED_SAGAS, params![owner, limit]).await
}

/// Notes a provider's event; `false` if it was noted before.
pub(crate) async fn insert_notice(
    tx: &mut Tx,
    provider: &str,
    event: &str,
    at: Timestamp,
) -> Result<bool, Error> {
    Ok(tx.execute(sql::INSERT_NOTICE, params![provider, event, at]).await? == 1)
}

/// A value as it is stored.
pub(crate) fn text<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| {
        tracing::error!(%error, "a saga cannot be written as JSON");
        Fault::Internal {}
    })
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| {
        tracing::error!(%error, "a stored saga cannot be read; was it written by a newer version?");
        Fault::Internal {}
    })
}

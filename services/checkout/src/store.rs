//! Queries on the sagas. No rules: `saga` decides, this remembers.

pub(crate) mod book;
pub(crate) mod earlier;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shoal_contract::checkout::CheckoutId;
use shoal_contract::orders::Quote;
use shoal_sql::{Error, FromRow, Migration, ReadTx, Row, Tx, params, statements};
use shoal_types::{Fault, Timestamp};
use uuid::Uuid;

use crate::saga::Stage;

statements! {
    pub(crate) mod sql {
        INSERT_SAGA = include_str!("store/insert_saga.sql");
        LOG_STAGE = include_str!("store/log_stage.sql");
        FINISH_SAGA = include_str!("store/finish_saga.sql");
        CLAIM_SAGA = include_str!("store/claim_saga.sql");
        FIND_SAGA = include_str!("store/find_saga.sql");
        FIND_LAST_ATTEMPT = include_str!("store/find_last_attempt.sql");
        LIST_DUE_SAGAS = include_str!("store/list_due_sagas.sql");
        LIST_ORPHANED_SAGAS = include_str!("store/list_orphaned_sagas.sql");
        LIST_EARLIER_SAGAS = include_str!("store/list_earlier_sagas.sql");
        KEEP_SAGAS = include_str!("store/keep_sagas.sql");
        REMOVE_EARLIER_SAGAS = "delete from earlier_sagas where saga_id in (values {rows:uuid})";
        NEXT_WAKE = "select wake_at from sagas where done = 0 order by wake_at limit 1";
        INSERT_NOTICE = "insert into notices (event_id, provider, at) values ($1, $2, $3)
            on conflict (event_id, provider) do nothing";
    }
}

/// The schema's history.
pub const MIGRATIONS: &[Migration] = &[
    shoal_queue::MIGRATION,
    Migration::new("0002_sagas.sql", include_str!("../migrations/0002_sagas.sql")),
    Migration::new("0003_saga_claims.sql", include_str!("../migrations/0003_saga_claims.sql")),
    Migration::new("0004_notices.sql", include_str!("../migrations/0004_notices.sql")),
];

/// The epoch of a saga that nobody has taken over yet.
const FIRST_EPOCH: i64 = 1;

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

/// Under what a saga is kept: what claims it, and the count of those before it under the same claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) claim: Uuid,
    /// From 0.
    pub(crate) attempt: i64,
}

/// A saga as it is remembered.
#[derive(Debug, Clone)]
pub(crate) struct Saga {
    pub(crate) place: Place,
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
        self.owner != owner && !self.owner.is_nil() && self.wake_at > now
    }

    /// Whether nobody works on it because its buyer must confirm the payment.
    pub(crate) fn waits_for_buyer(&self) -> Result<bool, Fault> {
        Ok(self.owner.is_nil() && matches!(self.stage()?, Stage::Awaiting { .. }))
    }

    /// Until when it is its owner's.
    pub(crate) fn wake_at(&self) -> Timestamp {
        self.wake_at
    }

    /// By what its owner writes it.
    pub(crate) fn handle(&self) -> Handle {
        Handle { place: self.place, epoch: self.epoch }
    }

    /// What it began with.
    pub(crate) fn input<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        parse(&self.input)
    }

    /// The same saga, as its next owner holds it.
    pub(crate) fn taken_over(self, owner: Uuid, wake_at: Timestamp) -> Self {
        Self { epoch: self.epoch + 1, owner, wake_at, ..self }
    }

    /// The last stage noted.
    pub(crate) fn stage<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        parse(&self.stage)
    }
}

impl FromRow for Saga {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        let kind: String = row.get(3)?;
        let quote: Option<String> = row.get(8)?;
        let unreadable =
            |index: usize| Error::Column { index, expected: "a value this version writes", found: "another" };
        Ok(Self {
            place: Place { claim: row.get(0)?, attempt: row.get(1)? },
            id: row.get(2)?,
            kind: Kind::ALL.into_iter().find(|each| each.as_str() == kind).ok_or_else(|| unreadable(3))?,
            fingerprint: row.get(4)?,
            epoch: row.get(5)?,
            done: row.get(6)?,
            input: row.get(7)?,
            quote: quote.map(|text| serde_json::from_str(&text)).transpose().map_err(|_| unreadable(8))?,
            stage: row.get(9)?,
            created_at: row.get(10)?,
            owner: row.get(11)?,
            wake_at: row.get(12)?,
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
    /// What claims it: its key, or itself.
    fn claim(&self) -> Uuid {
        self.key.as_ref().map_or(self.id.uuid(), |key| claim_of(&key.hash))
    }

    /// The saga as it will be found, if it is this attempt under its claim.
    pub(crate) fn as_saga(&self, attempt: i64) -> Saga {
        Saga {
            place: Place { claim: self.claim(), attempt },
            id: self.id,
            kind: self.kind,
            fingerprint: self.key.as_ref().map(|key| key.fingerprint.to_vec()),
            epoch: FIRST_EPOCH,
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

/// The claim of a key: an id made of the hash, by which sagas are spread over machines.
fn claim_of(hash: &[u8; 32]) -> Uuid {
    let mut bits = [0; 16];
    bits.copy_from_slice(&hash[..16]);
    CheckoutId::from_digest(bits).uuid()
}

/// Writes the saga as an attempt under its claim; `false` if there is one already.
pub(crate) async fn insert(tx: &mut Tx, saga: &NewSaga, attempt: i64) -> Result<bool, Error> {
    let params = params![
        saga.claim(),
        attempt,
        saga.id,
        saga.kind.as_str(),
        saga.key.as_ref().map(|key| key.fingerprint.to_vec()),
        saga.owner,
        FIRST_EPOCH,
        saga.wake_at,
        false,
        saga.input.as_str(),
        saga.stage.as_str(),
        saga.at,
        saga.at,
    ];
    Ok(tx.change_row::<Uuid>(sql::INSERT_SAGA, params![], params).await?.is_some())
}

/// The last saga under the claim of `new`.
pub(crate) async fn find_last_attempt(tx: &mut ReadTx, new: &NewSaga) -> Result<Option<Saga>, Error> {
    tx.find(sql::FIND_LAST_ATTEMPT, params![new.claim()]).await
}

/// Which saga is written, and the epoch at which its owner holds it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Handle {
    place: Place,
    epoch: i64,
}

/// Who goes on with a saga, and when others may.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    /// Nobody (nil) while it waits for its buyer.
    pub(crate) owner: Uuid,
    pub(crate) wake_at: Timestamp,
}

/// Notes the next stage with its lease, and the quote when there is a new one; `false` if the saga has another owner by
/// now.
pub(crate) async fn log(
    tx: &mut Tx,
    Handle { place, epoch }: Handle,
    stage: &str,
    quote: Option<&str>,
    lease: Lease,
    now: Timestamp,
) -> Result<bool, Error> {
    let params = params![place.claim, place.attempt, epoch, stage, quote, lease.owner, lease.wake_at, now];
    Ok(tx.change_row::<Uuid>(sql::LOG_STAGE, params![], params).await?.is_some())
}

/// Ends the saga; `false` if it has another owner by now.
pub(crate) async fn finish(
    tx: &mut Tx,
    Handle { place, epoch }: Handle,
    stage: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let params = params![place.claim, place.attempt, epoch, stage, now];
    Ok(tx.change_row::<Uuid>(sql::FINISH_SAGA, params![], params).await?.is_some())
}

/// Takes the saga over; `false` if somebody was faster.
pub(crate) async fn claim(tx: &mut Tx, saga: &Saga, owner: Uuid, wake_at: Timestamp) -> Result<bool, Error> {
    let Handle { place, epoch } = saga.handle();
    let params = params![place.claim, place.attempt, epoch, owner, wake_at];
    Ok(tx.execute(sql::CLAIM_SAGA, params).await? == 1)
}

/// Finds a saga by its id.
pub(crate) async fn find(tx: &mut ReadTx, id: CheckoutId) -> Result<Option<Saga>, Error> {
    tx.find(sql::FIND_SAGA, params![id]).await
}

/// Lists unfinished sagas that nobody works on at `now`, at most `limit`.
pub(crate) async fn list_due(tx: &mut ReadTx, now: Timestamp, limit: i64) -> Result<Vec<Saga>, Error> {
    tx.list(sql::LIST_DUE_SAGAS, params![now, limit]).await
}

/// When the next unfinished saga may be taken up.
pub(crate) async fn next_wake(tx: &mut ReadTx) -> Result<Option<Timestamp>, Error> {
    tx.find(sql::NEXT_WAKE, params![]).await
}

/// Lists unfinished sagas of other owners, at most `limit`.
pub(crate) async fn list_orphans(tx: &mut ReadTx, owner: Uuid, limit: i64) -> Result<Vec<Saga>, Error> {
    tx.list(sql::LIST_ORPHANED_SAGAS, params![owner, Uuid::nil(), limit]).await
}

/// Notes a provider's event; `false` if it was noted before.
pub(crate) async fn insert_notice(
    tx: &mut Tx,
    provider: &str,
    event: &str,
    at: Timestamp,
) -> Result<bool, Error> {
    Ok(tx.execute(sql::INSERT_NOTICE, params![event, provider, at]).await? == 1)
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

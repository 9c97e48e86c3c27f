use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use shoal_sql::{Database, Error, ReadTx, Tx, params};
use shoal_types::{Caller, Context, Env, Fault, Idempotency};

use crate::store::sql;

/// Runs `body` as [`Database::write`] does; a repeat with the same key answers what the first one answered.
///
/// The key counts per caller and operation, for as long as [`expire`](crate::expire) keeps it. Two at once: one runs,
/// the other gets its answer. A failure is not kept, so a repeat runs again. The answer is stored as JSON: it must
/// hold no secret. Without a key the body just runs.
///
/// # Errors
/// `IdempotencyKeyReused` if the key came before with another request; else the body's, and [`Database::write`]'s.
pub async fn once<T, E, F>(
    db: &Database,
    cx: &Context,
    env: &Env,
    operation: &'static str,
    body: F,
) -> Result<T, E>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    E: From<Error> + From<Fault> + Send + 'static,
    F: AsyncFn(&mut Tx) -> Result<T, E> + Send + 'static,
{
    let Some(idempotency) = cx.idempotency.clone() else {
        return db.write(cx, body).await;
    };
    let key = key_hash(&cx.caller, operation, &idempotency);
    let now = env.now();
    db.write(cx, async move |tx| {
        // On an engine with many writers the second one waits here for the first one's commit.
        let claimed = tx.execute(sql::CLAIM_KEY, params![key, idempotency.fingerprint, now]).await?;
        if claimed == 0 {
            return match find(tx, key, &idempotency).await? {
                Lookup::Answer(answer) => Ok(read(&answer)?),
                Lookup::Reused => Err(Fault::IdempotencyKeyReused {}.into()),
                Lookup::Nothing => Err(Fault::Internal {}.into()),
            };
        }
        let answer = body(tx).await?;
        tx.execute(sql::STORE_ANSWER, params![key, write(&answer)?]).await?;
        Ok(answer)
    })
    .await
}

/// The answer a request with this key got before, if it did. For operations whose preparation is dear: ask before,
/// run [`once`] after.
///
/// # Errors
/// `IdempotencyKeyReused` if the key came before with another request; else [`Database::read`]'s.
pub async fn answered<T, E>(db: &Database, cx: &Context, operation: &'static str) -> Result<Option<T>, E>
where
    T: DeserializeOwned + Send + 'static,
    E: From<Error> + From<Fault> + Send + 'static,
{
    let Some(idempotency) = cx.idempotency.clone() else { return Ok(None) };
    let key = key_hash(&cx.caller, operation, &idempotency);
    db.read(cx, async move |tx| match find(tx, key, &idempotency).await? {
        Lookup::Answer(answer) => Ok(Some(read(&answer)?)),
        Lookup::Reused => Err(Fault::IdempotencyKeyReused {}.into()),
        Lookup::Nothing => Ok(None),
    })
    .await
}

/// What is known of a key.
enum Lookup {
    Nothing,
    Answer(String),
    Reused,
}

async fn find(tx: &mut ReadTx, key: [u8; 32], idempotency: &Idempotency) -> Result<Lookup, Error> {
    let row = tx.find::<([u8; 32], Option<String>)>(sql::FIND_ANSWER, params![key]).await?;
    Ok(match row {
        Some((fingerprint, _)) if fingerprint != idempotency.fingerprint => Lookup::Reused,
        Some((_, Some(answer))) => Lookup::Answer(answer),
        Some((_, None)) | None => Lookup::Nothing,
    })
}

/// What a client's key is remembered by: SHA-256 of the caller, the operation and the key. One caller's keys are not
/// another's, and a key may serve one request of each operation.
pub fn key_hash(caller: &Caller, operation: &'static str, idempotency: &Idempotency) -> [u8; 32] {
    let mut hash = Sha256::new();
    match caller {
        Caller::Anonymous => hash.update([0]),
        Caller::System => hash.update([1]),
        Caller::User { id, .. } => {
            hash.update([2]);
            hash.update(id.uuid().as_bytes());
        }
    }
    hash.update(operation);
    hash.update([0]);
    hash.update(idempotency.key.as_bytes());
    hash.finalize().into()
}

fn write<T: Serialize>(answer: &T) -> Result<String, Fault> {
    serde_json::to_string(answer).map_err(|error| {
        tracing::error!(%error, "an answer cannot be stored");
        Fault::Internal {}
    })
}

fn read<T: DeserializeOwned>(answer: &str) -> Result<T, Fault> {
    serde_json::from_str(answer).map_err(|error| {
        tracing::error!(%error, "a stored answer cannot be read");
        Fault::Internal {}
    })
}

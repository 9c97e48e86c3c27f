//! How far jobs have come that go on where they stopped, on whichever node.

use serde::Serialize;
use serde::de::DeserializeOwned;
use shoal_sql::{Error, ReadTx, Tx, params};

use super::{from_json, sql, to_json};

/// The state of a job, and its version; none before its first step.
pub(crate) async fn find<T: DeserializeOwned>(
    tx: &mut ReadTx,
    job: &'static str,
) -> Result<Option<(T, i64)>, Error> {
    let found: Option<(String, i64)> = tx.find(sql::FIND_JOB, params![job]).await?;
    found.map(|(state, version)| Ok((from_json(&state, 0, "a job's state")?, version))).transpose()
}

/// Notes how far a job has come that was at `version`, none before its first step; whether it still was.
pub(crate) async fn save<T: Serialize>(
    tx: &mut Tx,
    job: &'static str,
    state: &T,
    version: Option<i64>,
) -> Result<bool, Error> {
    let state = to_json(state)?;
    let saved = match version {
        None => tx.execute(sql::BEGIN_JOB, params![job, state]).await?,
        Some(version) => tx.execute(sql::CONTINUE_JOB, params![job, state, version]).await?,
    };
    Ok(saved == 1)
}

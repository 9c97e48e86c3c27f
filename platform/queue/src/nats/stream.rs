use std::time::Duration;

use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{ErrorCode, kv};

use super::{Queue, QueueError};
use crate::Event;

/// How long the queue itself drops an event that is published again.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);
/// A lease ends so long after it was last renewed.
pub(super) const LEASE: Duration = Duration::from_secs(6);
/// A lease takes some hundred bytes.
const LEASES_BYTES_MAX: i64 = 1 << 20;
/// The code by which a cluster says that it has no room for so many replicas.
const NO_SUITABLE_PEERS: ErrorCode = ErrorCode::CLUSTER_NO_PEERS;

/// The stream as it was found, and what belongs to it.
#[derive(Clone)]
pub(super) struct Made {
    /// On which connection it was looked at.
    pub(super) line: u64,
    pub(super) stream: Stream,
    pub(super) leases: kv::Store,
    /// Tells this stream from one of the same name that was there before, or will be.
    pub(super) identity: String,
}

pub(super) fn check_name(name: &str) -> Result<(), QueueError> {
    let acceptable = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if (1..=32).contains(&name.len()) && name.chars().all(acceptable) {
        return Ok(());
    }
    Err(QueueError::NameInvalid { name: name.to_owned() })
}

/// The subject of an event.
pub(super) fn subject(shop: &str, event: &Event) -> String {
    format!("shoal.{shop}.events.{}.{}", event.source.trim_start_matches('/'), event.kind)
}

/// The stream's name.
pub(super) fn name(shop: &str) -> String {
    format!("shoal-{shop}")
}

/// Makes the stream, or gives the one that is there the settings that are wanted; the same for the bucket of leases.
pub(super) async fn make(queue: &Queue, line: u64) -> Result<Made, QueueError> {
    let stream = present(queue, wanted(queue)).await?;
    present(queue, wanted_leases(queue)).await?;
    let bucket = bucket(queue);
    let leases = queue.jetstream().get_key_value(&bucket).await;
    let leases = leases.map_err(|error| queue.away(format!("{bucket}: {error}")))?;
    let identity = stream.cached_info().created.to_string();
    Ok(Made { line, stream, leases, identity })
}

/// Makes a stream, or gives the one that is there the settings that are wanted.
async fn present(queue: &Queue, wanted: Config) -> Result<Stream, QueueError> {
    match queue.jetstream().create_stream(wanted.clone()).await {
        Ok(stream) => Ok(stream),
        Err(error) if is(&error, ErrorCode::STREAM_NAME_EXIST) => adjusted(queue, wanted).await,
        Err(error) => Err(refusal(queue, &error)),
    }
}

fn wanted(queue: &Queue) -> Config {
    let options = queue.options();
    Config {
        name: name(&options.name),
        description: Some("What happened in the shop, as CloudEvents".to_owned()),
        subjects: vec![format!("shoal.{}.events.>", options.name)],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::Old,
        num_replicas: options.replicas,
        max_age: options.max_age,
        max_bytes: i64::try_from(options.max_bytes).unwrap_or(i64::MAX),
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        max_message_size: -1,
        duplicate_window: DUPLICATE_WINDOW.min(options.max_age),
        ..Config::default()
    }
}

/// The stream that is there, with what is wanted of it.
async fn adjusted(queue: &Queue, wanted: Config) -> Result<Stream, QueueError> {
    let differs = |reason: String| QueueError::StreamDiffers { stream: wanted.name.clone(), reason };
    let stream = queue.jetstream().get_stream(&wanted.name).await.map_err(|error| queue.away(error))?;
    let Info { config: found, .. } = stream.cached_info();
    if found.storage != wanted.storage || found.retention != wanted.retention {
        return Err(differs("it keeps its messages in another way".to_owned()));
    }
    let config = Config {
        subjects: wanted.subjects.clone(),
        discard: wanted.discard,
        num_replicas: wanted.num_replicas,
        max_age: wanted.max_age,
        max_bytes: wanted.max_bytes,
        duplicate_window: wanted.duplicate_window,
        max_messages_per_subject: wanted.max_messages_per_subject,
        ..found.clone()
    };
    if config == *found {
        return Ok(stream);
    }
    match queue.jetstream().update_stream(config).await {
        Ok(_) => tracing::info!(stream = wanted.name, "gave the stream its new settings"),
        Err(error) => {
            return Err(match refusal(queue, &error) {
                QueueError::Refused { reason } => differs(reason),
                error => error,
            });
        }
    }
    queue.jetstream().get_stream(&wanted.name).await.map_err(|error| queue.away(error))
}

fn bucket(queue: &Queue) -> String {
    format!("{}-leases", name(&queue.options().name))
}

/// The stream behind the key-value bucket of leases, in which a lease that is not renewed falls out.
///
/// Source: ADR-8 of NATS; the library's own way asks for more than servers of version 2.9 answer.
fn wanted_leases(queue: &Queue) -> Config {
    let bucket = bucket(queue);
    Config {
        name: format!("KV_{bucket}"),
        description: Some("Which node takes a consumer's events".to_owned()),
        subjects: vec![format!("$KV.{bucket}.>")],
        discard: DiscardPolicy::New,
        max_messages_per_subject: 1,
        max_age: LEASE,
        max_bytes: LEASES_BYTES_MAX,
        duplicate_window: LEASE,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        ..wanted(queue)
    }
}

fn is(error: &CreateStreamError, code: ErrorCode) -> bool {
    matches!(error.kind(), CreateStreamErrorKind::JetStream(error) if error.error_code() == code)
}

/// What the refusal of a stream means.
fn refusal(queue: &Queue, error: &CreateStreamError) -> QueueError {
    let servers = || queue.options().servers.to_string();
    let replicas = queue.options().replicas;
    match error.kind() {
        CreateStreamErrorKind::JetStreamUnavailable => QueueError::NoJetStream { servers: servers() },
        CreateStreamErrorKind::JetStream(refused) => match refused.error_code() {
            ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
                QueueError::NoJetStream { servers: servers() }
            }
            NO_SUITABLE_PEERS | ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED => {
                QueueError::TooFewServers { replicas }
            }
            // As long as a cluster has no leader or is catching up.
            ErrorCode::CLUSTER_NOT_AVAILABLE | ErrorCode::CLUSTER_INCOMPLETE | ErrorCode::RAFT_GENERAL => {
                queue.away(refused)
            }
            _ => QueueError::Refused { reason: refused.to_string() },
        },
        _ => queue.away(error),
    }
}

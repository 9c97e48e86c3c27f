use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, Context as JetStream};
use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use shoal_types::Env;
use tokio::sync::{Mutex, watch};

use super::address::{Login, Servers};
use super::stream::Made;
use super::{QueueError, stream};

/// How long a start waits for a server before the node goes on without.
const START_MAX: Duration = Duration::from_secs(2);
/// How long one server has to take a connection.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// How long the queue has to acknowledge or to answer.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(5);
/// The pauses between connections that fail.
const RECONNECT_FIRST: Duration = Duration::from_millis(20);
const RECONNECT_MAX: Duration = Duration::from_secs(1);
/// How often the server is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(2);

/// How to reach the queue, and what it keeps.
#[derive(Debug, Clone)]
pub struct QueueOptions {
    /// Its servers.
    pub servers: Servers,
    /// The authority of their certificates, PEM; none for those of the system.
    pub ca: Option<PathBuf>,
    /// A `.creds` file, or one with the seed of an nkey.
    pub credentials: Option<PathBuf>,
    /// What keeps this shop's events apart from others' on the same servers: 1 to 32 lowercase letters, digits, hyphens or
    /// underscores.
    pub name: String,
    /// Servers that keep each event: 1, or 3 or 5 of a cluster.
    pub replicas: usize,
    /// How long events are kept there.
    pub max_age: Duration,
    /// Bytes of events kept there; the oldest go first.
    pub max_bytes: u64,
}

impl QueueOptions {
    /// One replica of a week's events, at most 1 GiB of them.
    pub fn new(servers: Servers) -> Self {
        Self {
            servers,
            ca: None,
            credentials: None,
            name: "shop".to_owned(),
            replicas: 1,
            max_age: Duration::from_secs(7 * 24 * 60 * 60),
            max_bytes: 1 << 30,
        }
    }
}

/// A connection to the queue, which heals by itself for as long as this process runs. A cheap handle.
#[derive(Clone)]
pub struct Queue(Arc<Inner>);

struct Inner {
    options: QueueOptions,
    env: Env,
    client: Client,
    jetstream: JetStream,
    /// Counts the connections made; even while there is one, odd while there is none.
    line: watch::Receiver<u64>,
    /// The stream as it was found on the present connection.
    made: Mutex<Option<Made>>,
}

impl Queue {
    /// Connects, and makes or checks the stream. If no server answers within two seconds the handle is given all the same,
    /// and connects when one does.
    ///
    /// # Errors
    /// What does not mend itself: `NameInvalid`, `FileUnreadable`, `Denied`, `NotTrusted`, `NoJetStream`, `TooFewServers`,
    /// `StreamDiffers`.
    pub async fn connect(options: QueueOptions, env: &Env) -> Result<Self, QueueError> {
        stream::check_name(&options.name)?;
        let (told, line) = watch::channel(1);
        let client = match connect(&options, told.clone(), false).await {
            Err(QueueError::Away { servers, reason }) => {
                tracing::warn!(
                    servers,
                    reason,
                    "the queue is away; events wait in the outboxes until it is back"
                );
                connect(&options, told, true).await?
            }
            outcome => outcome?,
        };
        let jetstream = jetstream::ContextBuilder::new()
            .timeout(ANSWER_MAX)
            .ack_timeout(ANSWER_MAX)
            .build(client.clone());
        let (env, made) = (env.clone(), Mutex::default());
        let queue = Self(Arc::new(Inner { options, env, client, jetstream, line, made }));
        queue.check_at_start().await?;
        Ok(queue)
    }

    /// What an operator has to mend is told at once; what mends itself is not waited for.
    async fn check_at_start(&self) -> Result<(), QueueError> {
        if !self.is_connected() {
            return Ok(());
        }
        match self.made().await {
            Err(error @ (QueueError::Away { .. } | QueueError::Refused { .. })) => {
                tracing::warn!(%error, "the queue is not ready; events wait in the outboxes until it is");
                Ok(())
            }
            outcome => outcome.map(|_| ()),
        }
    }

    /// Whether there is a connection at the moment.
    pub fn is_connected(&self) -> bool {
        self.0.line.borrow().is_multiple_of(2)
    }

    /// The same, and tells it to who measures.
    pub fn measured(&self) -> bool {
        let connected = self.is_connected();
        metrics::gauge!("queue_connected").set(if connected { 1.0 } else { 0.0 });
        connected
    }

    /// Changes whenever the connection is lost or made from now on: even while there is one.
    pub fn line(&self) -> watch::Receiver<u64> {
        let mut line = self.0.line.clone();
        line.mark_unchanged();
        line
    }

    /// Resolves as soon as there is a connection.
    pub(super) async fn connected(&self) {
        // The sender lives in the client's callback, as long as the client.
        let _ = self.0.line.clone().wait_for(|line| line.is_multiple_of(2)).await;
    }

    /// The stream, made or checked once on each connection.
    pub(super) async fn made(&self) -> Result<Made, QueueError> {
        let line = *self.0.line.borrow();
        let mut made = self.0.made.lock().await;
        if let Some(made) = made.as_ref().filter(|made| made.line == line) {
            return Ok(made.clone());
        }
        let found = stream::make(self, line).await?;
        Ok(made.insert(found).clone())
    }

    /// Has the stream looked at again before it is used: something is wrong with it.
    pub(super) async fn doubt(&self) {
        *self.0.made.lock().await = None;
    }

    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(super) fn jetstream(&self) -> &JetStream {
        &self.0.jetstream
    }

    pub(super) fn options(&self) -> &QueueOptions {
        &self.0.options
    }

    pub(super) fn env(&self) -> &Env {
        &self.0.env
    }

    /// The queue is away, for `reason`.
    pub(super) fn away(&self, reason: impl ToString) -> QueueError {
        QueueError::Away { servers: self.0.options.servers.to_string(), reason: reason.to_string() }
    }

    /// Sends what waits to be sent.
    pub async fn flush(&self) {
        let flushed = tokio::time::timeout(ANSWER_MAX, self.0.client.flush()).await;
        if !matches!(flushed, Ok(Ok(()))) {
            tracing::warn!("not everything could be said to the queue; it comes again");
        }
    }
}

/// Connects once, or again and again from a task of its own if it `persists`.
async fn connect(
    options: &QueueOptions,
    line: watch::Sender<u64>,
    persists: bool,
) -> Result<Client, QueueError> {
    let servers = &options.servers;
    let scheme = if servers.tls { "tls" } else { "nats" };
    let addresses = servers.hosts.iter().map(|host| format!("{scheme}://{host}").parse::<ServerAddr>());
    let addresses: Vec<ServerAddr> = addresses
        .collect::<Result<_, _>>()
        .map_err(|error| QueueError::AddressInvalid { reason: error.to_string() })?;
    let told = line.clone();
    let mut how = secured(options)?
        .connection_timeout(CONNECT_MAX)
        .ping_interval(PING_EVERY)
        .request_timeout(Some(ANSWER_MAX))
        .reconnect_delay_callback(pause)
        .event_callback(move |event| {
            note(&told, &event);
            std::future::ready(())
        });
    if persists {
        how = how.retry_on_initial_connect();
        return how.connect(addresses).await.map_err(|error| refusal(servers, &error));
    }
    let mut line = line.subscribe();
    let connected = async {
        let client = how.connect(addresses).await.map_err(|error| refusal(servers, &error))?;
        // It tells of its connection a moment later. The sender lives in its callback.
        let _ = line.wait_for(|line| line.is_multiple_of(2)).await;
        Ok(client)
    };
    match tokio::time::timeout(START_MAX, connected).await {
        Ok(outcome) => outcome,
        Err(_) => {
            Err(QueueError::Away { servers: servers.to_string(), reason: "it does not answer".to_owned() })
        }
    }
}

fn secured(options: &QueueOptions) -> Result<ConnectOptions, QueueError> {
    let mut how = ConnectOptions::new().name("shoal").require_tls(options.servers.tls);
    how = match &options.servers.login {
        Some(Login::User { name, password }) => {
            how.user_and_password(name.clone(), password.expose().to_owned())
        }
        Some(Login::Token(token)) => how.token(token.expose().to_owned()),
        None => how,
    };
    if let Some(path) = &options.ca {
        read(path)?;
        how = how.add_root_certificates(path.clone());
    }
    let Some(path) = &options.credentials else { return Ok(how) };
    let text = read(path)?;
    if text.trim().starts_with("SU") {
        return Ok(how.nkey(text.trim().to_owned()));
    }
    how.credentials(&text)
        .map_err(|_| unreadable(path, "it holds neither credentials nor the seed of an nkey"))
}

fn read(path: &PathBuf) -> Result<String, QueueError> {
    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error.to_string()))
}

fn unreadable(path: &std::path::Path, reason: &str) -> QueueError {
    QueueError::FileUnreadable { path: path.display().to_string(), reason: reason.to_owned() }
}

/// The pause before the connection of that number: doubles, at most a second.
fn pause(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(10);
    if attempt <= 1 { Duration::ZERO } else { (RECONNECT_FIRST * (1 << doublings)).min(RECONNECT_MAX) }
}

/// Keeps count of the connections. Called in the order of what happened.
fn note(line: &watch::Sender<u64>, event: &Event) {
    let up = |line: u64| line.is_multiple_of(2);
    match event {
        Event::Connected => {
            line.send_if_modified(|line| {
                // One that replaces another without a word between is a new one too.
                *line += if up(*line) { 2 } else { 1 };
                true
            });
            tracing::info!("connected to the queue");
        }
        Event::Disconnected | Event::Closed => {
            let lost = line.send_if_modified(|line| {
                let lost = up(*line);
                *line += u64::from(lost);
                lost
            });
            if lost {
                tracing::warn!("the queue is away; events wait in the outboxes until it is back");
            }
        }
        Event::SlowConsumer(_) => tracing::warn!("the queue brings messages faster than they are taken"),
        Event::ServerError(error) => tracing::warn!(%error, "the queue complains"),
        Event::ClientError(error) => tracing::debug!(%error, "no connection to the queue"),
        Event::LameDuckMode | Event::Draining => {}
    }
}

fn refusal(servers: &Servers, error: &ConnectError) -> QueueError {
    use std::error::Error;
    let servers = servers.to_string();
    // The cause says more than the kind, such as which rule a certificate breaks.
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        reason = inner.to_string();
        cause = inner.source();
    }
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            QueueError::Denied { servers }
        }
        ConnectErrorKind::Tls => QueueError::NotTrusted { servers, reason },
        _ if reason.to_lowercase().contains("certificate") => QueueError::NotTrusted { servers, reason },
        _ => QueueError::Away { servers, reason },
    }
}

//! Makes connections: to the primary, or to whatever answers, with the house's schema in front.
//!
//! All addresses of all hosts are tried at the same time, each for a limited time, and the first that will do is taken.
//! So a host that hangs keeps nobody from one that answers.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use shoal_types::Env;
use tokio::time::{sleep, timeout};
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::{Failure, Kind, UniqueColumns};
use super::host::{Candidate, candidates};
use super::link::Link;
use super::mark;
use super::outage::Outage;
use super::pulse::{Pulse, Watch};
use super::refusal::{from_connect, of_all};
use super::seen::{HISTORY, Seen, history};
use super::server::{Server, Target};
use crate::counters::Tally;

/// No statement outside a transaction runs longer, in milliseconds; within one its deadline counts.
const STATEMENT_TIMEOUT_MS: u32 = 60_000;
/// Statistics are minutes old, and those of a new shop say that its tables are empty: a table that has grown since would
/// be read whole for each statement. Every statement has an index, so the server is told to take it, and not to spend
/// time on compiling where there is none after all. An engine that knows no such setting is told nothing.
const TAKE_INDEXES: &str =
    "select set_config(name, 'off', false) from pg_settings where name in ('enable_seqscan', 'jit')";
/// A node that stands still amid a transaction keeps others from the rows it has locked: the server ends that, in
/// milliseconds. Ours never rest so long between two statements.
const END_IDLE: &str = "select set_config(name, '10000', false) from pg_settings \
     where name = 'idle_in_transaction_session_timeout'";
/// How long a primary is waited for once a standby has answered.
const PREFERENCE: Duration = Duration::from_millis(300);
/// When a host that has answered is tried again while another is still waited for: it may have become the primary.
const AGAIN: Duration = Duration::from_millis(500);

/// How to connect for one house.
pub(super) struct Connector {
    server: Server,
    application: String,
    schema: String,
    tally: Arc<Tally>,
    env: Env,
    watch: Rc<Watch>,
    seen: Seen,
    /// Whether data that is on its way elsewhere, or was moved, is refused.
    heeds_marks: bool,
}

impl Connector {
    pub(super) fn new(server: Server, name: &str, tally: Arc<Tally>, env: Env) -> Self {
        let (application, schema) = (application_of(name), schema_of(name));
        let watch = Watch::new(server.clone(), application.clone(), env.clone());
        Self { server, application, schema, tally, env, watch, seen: Seen::default(), heeds_marks: true }
    }

    /// For a move, which is not kept out by its own marks.
    pub(super) fn past_marks(server: Server, name: &str, tally: Arc<Tally>, env: Env) -> Self {
        Self { heeds_marks: false, ..Self::new(server, name, tally, env) }
    }

    /// What was answered over the connections made here.
    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Whether no host answers any house of this process.
    pub(super) fn outage(&self) -> &Outage {
        self.server.outage()
    }

    /// Has it found out whether any host is there at all.
    pub(super) fn doubt(&self) {
        self.watch.doubt();
    }

    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    /// Connects, logs in and puts the schema in front. Each host is tried once, and again as long as another has yet to
    /// answer. A standby will do for reading only if it has all that was answered here.
    ///
    /// # Errors
    /// What each host said. It is worth another try if one of them may be there later.
    pub(super) async fn connect(&self, target: Target, unique: Rc<UniqueColumns>) -> Result<Link, Failure> {
        let tls = self.server.tls().connector().map_err(Failure::last)?;
        let (found, mut failures) = candidates(&self.server.config(&self.application)).await;
        let log_in = async |place: usize, pause: Duration| {
            sleep(pause).await;
            (place, self.log_in(&found[place], target, tls.clone(), &unique).await)
        };
        let mut tries: FuturesUnordered<_> =
            (0..found.len()).map(|place| log_in(place, Duration::ZERO)).collect();
        let mut told: Vec<Option<Failure>> = vec![None; found.len()];
        let standby = loop {
            let Some((place, outcome)) = tries.next().await else { break None };
            let failure = match outcome {
                Ok(link) if !link.is_standby() => return Ok(link),
                Ok(link) if target == Target::Any => break Some(link),
                Ok(_) => Failure::lost("it takes no writes at present"),
                Err(failure) => failure,
            };
            let may_change = failure.kind == Kind::Lost;
            told[place] = Some(failure);
            if told.iter().all(Option::is_some) {
                break None;
            }
            if may_change {
                tries.push(log_in(place, AGAIN));
            }
        };
        let Some(standby) = standby else {
            let names = found.iter().map(|candidate| candidate.name.clone());
            failures.extend(names.zip(told).filter_map(|(name, told)| told.map(|told| (name, told))));
            return Err(of_all(failures));
        };
        let primary = async {
            while let Some((_, outcome)) = tries.next().await {
                if let Ok(link) = outcome
                    && !link.is_standby()
                {
                    return Some(link);
                }
            }
            None
        };
        Ok(timeout(PREFERENCE, primary).await.ok().flatten().unwrap_or(standby))
    }

    async fn log_in(
        &self,
        candidate: &Candidate,
        target: Target,
        tls: MakeRustlsConnect,
        unique: &Rc<UniqueColumns>,
    ) -> Result<Link, Failure> {
        let limit = self.server.connect_timeout();
        let open = async {
            let link = self.open(candidate, tls, unique).await?;
            if link.is_standby() && target == Target::Any {
                self.seen.prove(&link, &self.env).await?;
            }
            Ok(link)
        };
        let late = |_| Failure::lost(format!("it has not let us in within {limit:?}"));
        timeout(limit, open).await.map_err(late)?
    }

    async fn open(
        &self,
        candidate: &Candidate,
        tls: MakeRustlsConnect,
        unique: &Rc<UniqueColumns>,
    ) -> Result<Link, Failure> {
        let connected = candidate.config.connect(tls).await;
        let (client, connection) = connected.map_err(|error| from_connect(&error, self.server.database()))?;
        // It ends by itself once the client is dropped or the server goes away; calls report the latter.
        let task = tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the database ended");
            }
        });
        let (unique, tally) = (Rc::clone(unique), Arc::clone(&self.tally));
        let pulse = Pulse::new(candidate.config.clone(), task.abort_handle(), &self.watch);
        let mut link = Link::new(client, pulse, self.server.clone(), unique, tally);
        let schema = &self.schema;
        let question = format!(
            "set search_path to \"{schema}\"; set statement_timeout to {STATEMENT_TIMEOUT_MS}; \
             set client_min_messages to warning; {TAKE_INDEXES}; {END_IDLE}; show transaction_read_only; {}",
            mark::question()
        );
        // An engine that has no such thing refuses to tell the history.
        let (told, history_told) = futures::join!(link.ask(&question), link.ask(HISTORY));
        let told = told?;
        link.set_standby(told.iter().any(is_on));
        link.set_history(history_told.ok().and_then(|told| history(&told)));
        if !self.seen.takes(&link) {
            return Err(Failure::lost("another has taken over from it"));
        }
        if self.heeds_marks && mark::is_there(&told) {
            mark::refuse(&link, schema, &self.server).await?;
        }
        Ok(link)
    }
}

fn is_on(message: &SimpleQueryMessage) -> bool {
    matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("on"))
}

/// What the house `name` calls itself at the server.
pub(super) fn application_of(name: &str) -> String {
    format!("shoal-{name}")
}

/// The schema of the house `name`.
pub(crate) fn schema_of(name: &str) -> String {
    name.replace('-', "_")
}

//! Makes connections: to the primary, or to whatever answers, with the house's schema in front.
//!
//! All addresses of all hosts are tried at the same time, each for a limited time, and the first that will do is taken.
//! So a host that hangs keeps nobody from one that answers.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::timeout;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::{Failure, UniqueColumns};
use super::host::{Candidate, candidates};
use super::link::Link;
use super::mark;
use super::refusal::{from_connect, of_all};
use super::server::{Server, Target};
use crate::counters::Tally;

/// No statement outside a transaction runs longer, in milliseconds; within one its deadline counts.
const STATEMENT_TIMEOUT_MS: u32 = 60_000;
/// How long a primary is waited for once a standby has answered.
const PREFERENCE: Duration = Duration::from_millis(300);

/// How to connect for one house.
pub(super) struct Connector {
    server: Server,
    application: String,
    schema: String,
    tally: Arc<Tally>,
    /// Whether data that is on its way elsewhere, or was moved, is refused.
    heeds_marks: bool,
}

impl Connector {
    pub(super) fn new(server: Server, name: &str, tally: Arc<Tally>) -> Self {
        let schema = schema_of(name);
        Self { server, application: application_of(name), schema, tally, heeds_marks: true }
    }

    /// For a move, which is not kept out by its own marks.
    pub(super) fn past_marks(server: Server, name: &str, tally: Arc<Tally>) -> Self {
        Self { heeds_marks: false, ..Self::new(server, name, tally) }
    }

    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    /// Connects, logs in and puts the schema in front. Each host is tried once.
    ///
    /// # Errors
    /// What each host said. It is worth another try if one of them may be there later.
    pub(super) async fn connect(&self, target: Target, unique: Rc<UniqueColumns>) -> Result<Link, Failure> {
        let tls = self.server.tls().connector().map_err(Failure::last)?;
        let (found, mut failures) = candidates(&self.server.config(&self.application)).await;
        let tries = found.into_iter().map(|candidate| self.log_in(candidate, tls.clone(), &unique));
        let mut tries: FuturesUnordered<_> = tries.collect();
        let standby = loop {
            match tries.next().await {
                None => return Err(of_all(failures)),
                Some((_, Ok(link))) if !link.is_standby() => return Ok(link),
                Some((_, Ok(link))) if target == Target::Any => break link,
                Some((name, Ok(_))) => failures.push((name, Failure::lost("it takes no writes at present"))),
                Some((name, Err(failure))) => failures.push((name, failure)),
            }
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
        candidate: Candidate,
        tls: MakeRustlsConnect,
        unique: &Rc<UniqueColumns>,
    ) -> (String, Result<Link, Failure>) {
        let limit = self.server.connect_timeout();
        let outcome = match timeout(limit, self.open(&candidate, tls, unique)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::lost(format!("it has not let us in within {limit:?}"))),
        };
        (candidate.name, outcome)
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
        let mut link = Link::new(client, task.abort_handle(), self.server.clone(), unique, tally);
        let schema = &self.schema;
        let told = link
            .ask(&format!(
                "set search_path to \"{schema}\"; set statement_timeout to {STATEMENT_TIMEOUT_MS}; \
                 set client_min_messages to warning; show transaction_read_only; {}",
                mark::question()
            ))
            .await?;
        link.set_standby(told.iter().any(is_on));
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

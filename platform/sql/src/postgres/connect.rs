//! Makes connections: to the primary, with the house's schema in front.

use std::rc::Rc;
use std::sync::Arc;

use super::failure::{self, Failure, UniqueColumns};
use super::link::Link;
use super::server::{Server, Target};
use crate::counters::Tally;

/// No statement outside a transaction runs longer, in milliseconds; within one its deadline counts.
const STATEMENT_TIMEOUT_MS: u32 = 60_000;

/// How to connect for one house.
pub(super) struct Connector {
    server: Server,
    application: String,
    schema: String,
    tally: Arc<Tally>,
}

impl Connector {
    pub(super) fn new(server: Server, name: &str, tally: Arc<Tally>) -> Self {
        let schema = schema_of(name);
        Self { server, application: format!("shoal-{name}"), schema, tally }
    }

    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Connects, logs in and puts the schema in front. Each host is tried in turn.
    pub(super) async fn connect(&self, target: Target, unique: Rc<UniqueColumns>) -> Result<Link, Failure> {
        let config = self.server.config(&self.application, target);
        let tls = self.server.tls().connector().map_err(Failure::last)?;
        let connected = config.connect(tls).await;
        let (client, connection) =
            connected.map_err(|error| failure::from_connect(&error, self.server.database()))?;
        // It ends by itself once the client is dropped or the server goes away; calls report the latter.
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the database ended");
            }
        });
        let link = Link::new(client, unique, Arc::clone(&self.tally));
        let schema = &self.schema;
        link.control(&format!(
            "set search_path to \"{schema}\"; set statement_timeout to {STATEMENT_TIMEOUT_MS}; \
             set client_min_messages to warning"
        ))
        .await?;
        Ok(link)
    }
}

/// The schema of the house `name`.
pub(crate) fn schema_of(name: &str) -> String {
    name.replace('-', "_")
}

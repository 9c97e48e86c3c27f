use std::rc::Rc;
use std::sync::Arc;

use super::connect::Connector;
use super::failure::UniqueColumns;
use super::link::Link;
use super::server::{Server, Target};
use shoal_types::Env;

use crate::Error;
use crate::counters::Tally;

/// A connection that makes and drops databases.
pub(crate) struct Admin(Link);

impl Admin {
    /// Connects. Call it within a `LocalSet`.
    pub(crate) async fn connect(server: Server, tally: Arc<Tally>) -> Result<Self, Error> {
        let connector = Connector::new(server, "public", tally, Env::system());
        Ok(Self(connector.connect(Target::Primary, Rc::new(UniqueColumns::new())).await?))
    }

    /// Runs a statement without parameters.
    pub(crate) async fn run(&self, statement: &str) -> Result<(), Error> {
        Ok(self.0.control(statement).await?)
    }
}

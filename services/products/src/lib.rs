//! The product house: catalogue, prices, stock and search.
//!
//! `README.md` says what it owns, promises, emits and needs. The doors are [`Products`], which implements the
//! contract, and what the node runs beside it: the house's jobs, and its consumers on the relay of its own outbox.

mod api;
mod cache;
mod desk;
mod error;
mod events;
mod following;
mod fresh;
mod house;
mod index;
mod jobs;
mod model;
mod store;

use std::sync::Arc;

use shoal_contract::products::Error;
use shoal_queue::{Consumer, RelayOptions};
use shoal_sql::Database;
use shoal_types::{Context, Env, Fault};
use tokio::sync::watch;

use crate::events::SearchFeed;
use crate::house::House;
pub use crate::house::{OpenError, Options};
pub use crate::store::MIGRATIONS;

/// The product house. A handle is cheap to clone.
#[derive(Clone)]
pub struct Products {
    house: Arc<House>,
}

impl Products {
    /// Opens the house's data, makes it if absent, and brings it up to date.
    ///
    /// # Errors
    /// What keeps the database or the search index from being opened.
    pub async fn open(options: Options, env: Env) -> Result<Self, OpenError> {
        Ok(Self { house: House::open(options, env).await? })
    }

    /// The house's data, for its relay and its counters.
    pub fn database(&self) -> &Database {
        &self.house.db
    }

    /// Who hears the house's own events. Nobody where several nodes share the data: each of them has an index, and
    /// follows the changes by itself.
    pub fn consumers(&self) -> Vec<Arc<dyn Consumer>> {
        match self.house.following {
            Some(_) => Vec::new(),
            None => {
                self.house.fresh.feed();
                vec![Arc::new(SearchFeed { house: Arc::clone(&self.house) })]
            }
        }
    }

    /// How the house's relay works best: large batches, as the search index writes each of them to disk.
    pub fn relay_options() -> RelayOptions {
        RelayOptions { batch: 2_000, ..RelayOptions::default() }
    }

    /// Runs the jobs until `stop` says so: fills a search index that is new or was lost, gives back the stock of
    /// holds that ran out, removes rows that have served.
    pub async fn run_jobs(&self, stop: watch::Receiver<bool>) {
        jobs::run(Arc::clone(&self.house), stop).await;
    }

    /// Gives back the stock of all holds whose time has passed, and answers how many. A job does the same when the
    /// next hold runs out; safe to repeat.
    ///
    /// # Errors
    /// What the database answers; those ended so far stay ended.
    pub async fn expire_holds(&self, cx: &Context) -> Result<u64, Error> {
        jobs::expire_holds(&self.house, cx).await
    }

    /// Finishes what waits and closes the data. Stop the relay and the jobs before.
    pub async fn close(&self) {
        if let Some(following) = &self.house.following {
            following.close().await;
        }
        if let Err(error) = self.house.index.close().await {
            let fault = Fault::from(error);
            tracing::warn!(%fault, "the search index lacks the last changes until they are told again");
        }
        self.house.close().await;
    }
}

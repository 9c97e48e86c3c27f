//! Who can say what became of a house's events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use shoal_contract::deliveries::Deliveries;
use shoal_types::{Context, Env};
use tokio::sync::Mutex;

use crate::command::cluster::Place;
use crate::config::{Config, Role, Roles};
use crate::deliveries::Post;
use crate::wiring::Opened;

/// How long a page, or a redrive, may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// The nodes of a cluster, or the data itself.
pub(super) struct Desk {
    env: Env,
    asked: Asked,
    /// The nodes that were found, by house.
    known: Mutex<HashMap<String, Arc<dyn Deliveries>>>,
}

enum Asked {
    Nodes(Box<Place>),
    Data(Box<Opened>, Arc<Post>),
}

impl Desk {
    /// # Errors
    /// What is wrong with the cluster's secret, or why the data cannot be opened.
    pub(super) async fn open(config: Config, env: Env) -> anyhow::Result<Self> {
        let asked = match Place::named(&config)? {
            Some(place) => Asked::Nodes(Box::new(place)),
            None => {
                let config = Config { roles: Roles(vec![Role::All]), ..config };
                let opened = Opened::open(&config, env.clone()).await?;
                let post = Arc::new(opened.post());
                Asked::Data(Box::new(opened), post)
            }
        };
        Ok(Self { env, asked, known: Mutex::default() })
    }

    /// Who answers for `house`.
    ///
    /// # Errors
    /// If no node has it.
    pub(super) async fn of(&self, house: &str) -> anyhow::Result<Arc<dyn Deliveries>> {
        let place = match &self.asked {
            Asked::Nodes(place) => place,
            Asked::Data(_, post) => return Ok(post.clone()),
        };
        let mut known = self.known.lock().await;
        if let Some(found) = known.get(house) {
            return Ok(found.clone());
        }
        let found = place.deliveries(house).await?;
        known.insert(house.to_owned(), found.clone());
        Ok(found)
    }

    /// Looks for another node that has `house`: the one that was asked did not answer.
    pub(super) async fn forget(&self, house: &str) {
        self.known.lock().await.remove(house);
    }

    /// What a command asks with.
    pub(super) fn context(&self) -> Context {
        Context::system(&self.env, ANSWER_MAX)
    }

    pub(super) fn env(&self) -> &Env {
        &self.env
    }

    pub(super) async fn close(&self) {
        if let Asked::Data(opened, _) = &self.asked {
            opened.close().await;
        }
    }
}

use std::sync::Arc;

use shoal_contract::notifications::MailNoun;
use shoal_contract::orders::Orders;
use shoal_contract::users::Users;
use shoal_net::outgoing::Client;
use shoal_sql::{Database, Durability, Source};
use shoal_types::Env;
use uuid::Uuid;

use crate::store::MIGRATIONS;
use crate::{Mailer, WebhookOptions};

/// How to open the house.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where its data lives.
    pub source: Source,
    /// What an answered write survives.
    pub durability: Durability,
    /// What sends mail; none is made without it.
    pub mail: Option<Arc<Mailer>>,
    /// How webhooks are sent.
    pub webhooks: WebhookOptions,
}

impl Options {
    /// The defaults, with data in `source` and no mail.
    pub fn new(source: impl Into<Source>) -> Self {
        Self {
            source: source.into(),
            durability: Durability::Full,
            mail: None,
            webhooks: WebhookOptions::default(),
        }
    }
}

/// The house of notifications. Implements [`Notifications`](shoal_contract::notifications::Notifications).
pub struct House {
    pub(crate) db: Database,
    pub(crate) env: Env,
    pub(crate) options: Options,
    pub(crate) users: Arc<dyn Users>,
    pub(crate) orders: Arc<dyn Orders>,
    /// What sends webhooks.
    pub(crate) webhooks: Client,
    /// This process, as who sends mails.
    pub(crate) owner: Uuid,
}

impl House {
    /// Opens the house's database, made if absent. `users` and `orders` know what a mail needs to say.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub async fn open(
        options: Options,
        env: Env,
        users: Arc<dyn Users>,
        orders: Arc<dyn Orders>,
    ) -> Result<Arc<Self>, shoal_sql::Error> {
        let sql = shoal_sql::Options::new(&options.source, "notifications", MIGRATIONS, env.clone());
        let db = Database::open(shoal_sql::Options { durability: options.durability, ..sql }).await?;
        Ok(Self::new(db, options, env, users, orders))
    }

    /// The house on a database that is open and has [`MIGRATIONS`].
    pub fn new(
        db: Database,
        options: Options,
        env: Env,
        users: Arc<dyn Users>,
        orders: Arc<dyn Orders>,
    ) -> Arc<Self> {
        let webhooks = Client::new(options.webhooks.client(), env.clone());
        let owner = env.id::<MailNoun>().uuid();
        Arc::new(Self { db, env, options, users, orders, webhooks, owner })
    }

    /// Its database, for the counters and the closing.
    pub fn database(&self) -> &Database {
        &self.db
    }
}

impl std::fmt::Debug for House {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("House").field("db", &self.db).finish_non_exhaustive()
    }
}

use std::sync::Arc;
use std::time::Duration;

use shoal_queue::OutboxTable;
use shoal_sql::{Database, Engine, Migration, Source};
use shoal_types::Env;

use crate::passwords::{PasswordOptions, Passwords};
use crate::session_cache::SessionCache;

/// The schema's history.
pub const MIGRATIONS: &[Migration] = &[
    shoal_queue::MIGRATION,
    Migration::new("0002_users.sql", include_str!("../migrations/0002_users.sql")),
    Migration::new("0003_email_claims.sql", include_str!("../migrations/0003_email_claims.sql")),
    Migration::new("0004_password_resets.sql", include_str!("../migrations/0004_password_resets.sql")),
];

/// How the user service works.
#[derive(Debug, Clone)]
pub struct Options {
    /// How passwords are hashed.
    pub passwords: PasswordOptions,
    /// How long a session lives, from its login. Rotation does not prolong it.
    pub session_life: Duration,
    /// Sessions of one user at the same time; another login ends the oldest.
    pub sessions_max: usize,
    /// Sessions remembered in memory. None are where other nodes may share the data: each use reads whether the session
    /// was ended there.
    pub cached_sessions_max: usize,
    /// How long a remembered session is trusted before it is read again.
    pub cached_session_life: Duration,
    /// The time between two runs of the jobs.
    pub job_interval: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            passwords: PasswordOptions::default(),
            session_life: Duration::from_secs(30 * 24 * 60 * 60),
            sessions_max: 50,
            cached_sessions_max: 50_000,
            cached_session_life: Duration::from_secs(1),
            job_interval: Duration::from_secs(60 * 60),
        }
    }
}

/// The house of users. Implements [`Users`](shoal_contract::users::Users).
pub struct House {
    pub(crate) db: Database,
    pub(crate) env: Env,
    pub(crate) options: Options,
    pub(crate) passwords: Passwords,
    pub(crate) sessions: SessionCache,
}

impl House {
    /// Opens the house on its database in `source`, made if absent.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub async fn open(
        source: impl Into<Source>,
        options: Options,
        env: Env,
    ) -> Result<Arc<Self>, shoal_sql::Error> {
        let db = Database::open(shoal_sql::Options::new(source, "users", MIGRATIONS, env.clone())).await?;
        Ok(Self::new(db, options, env))
    }

    /// The house on a database that is open and has [`MIGRATIONS`].
    pub fn new(db: Database, options: Options, env: Env) -> Arc<Self> {
        let passwords = Passwords::new(&options.passwords, env.clone());
        let life = match db.engine() {
            Engine::Sqlite => options.cached_session_life,
            Engine::Postgres => Duration::ZERO,
        };
        let sessions = SessionCache::new(options.cached_sessions_max, life);
        Arc::new(Self { db, env, options, passwords, sessions })
    }

    /// Its database, for the relay, the counters and the closing.
    pub fn database(&self) -> &Database {
        &self.db
    }

    /// Where the relay finds its events.
    pub fn outbox(&self) -> OutboxTable {
        OutboxTable::default()
    }

    /// Password hashes computed since it was opened.
    pub fn hashes_computed(&self) -> u64 {
        self.passwords.hashes()
    }
}

impl std::fmt::Debug for House {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("House").field("db", &self.db).finish_non_exhaustive()
    }
}

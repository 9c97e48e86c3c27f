//! A small town: a house of users with cheap hashes and a clock that stands still.

use std::sync::Arc;
use std::time::Duration;

use shoal_contract::Address;
use shoal_contract::users::{LogIn, Login, NewUser, Register, Token, User, Users};
use shoal_sql::{Database, params};
use shoal_types::{Caller, Context, Env, Idempotency, ManualClock, Role, Secret, SystemRng, Timestamp};
use shoal_users::{House, MIGRATIONS, Options, PasswordOptions};

pub(crate) const PASSWORD: &str = "nine yellow herons";

shoal_sql::statements! {
    pub(crate) mod sql {
        EVENTS = "select kind from outbox order by aggregate, sequence";
        EVENT_DATA = "select data from outbox order by aggregate, sequence";
        EMAILS = "select email from emails order by email";
        LEFT_OF_USER = "select name, email, phone, password_hash from users where id = $1";
        SESSIONS = "select count(*) from sessions";
        TOKEN_HASHES = "select token_hash from sessions";
        RESET_HASHES = "select token_hash from password_resets where token_hash is not null";
        USERS = "select count(*) from users";
    }
}

pub(crate) struct Town {
    pub(crate) house: Arc<House>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) env: Env,
}

impl Town {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::parse("2026-05-03T10:12:00Z").expect("a time")));
        let env = Env::new(Arc::clone(&clock) as _, Arc::new(SystemRng));
        let db = Database::temporary("users", MIGRATIONS, &env).await.expect("opens");
        let passwords = PasswordOptions { memory_kib: 8, passes: 1, ..options.passwords };
        let house = House::new(db, Options { passwords, ..options }, env.clone());
        Self { house, clock, env }
    }

    pub(crate) fn system(&self) -> Context {
        Context::system(&self.env, Duration::from_secs(60))
    }

    pub(crate) fn anonymous(&self) -> Context {
        self.system().with_caller(Caller::Anonymous)
    }

    /// The context of a user's own request.
    pub(crate) fn of(&self, user: &User) -> Context {
        self.system().with_caller(Caller::User { id: user.id, role: user.role })
    }

    /// Registers a customer, a millisecond after the last one.
    pub(crate) async fn register(&self, email: &str) -> User {
        self.clock.advance(Duration::from_millis(1));
        self.house.register(&self.anonymous(), registration(email)).await.expect("registered")
    }

    /// A user of any role, made by the system.
    pub(crate) async fn create(&self, email: &str, role: Role) -> User {
        self.clock.advance(Duration::from_millis(1));
        self.house.create_user(&self.system(), NewUser { role, ..new_user(email) }).await.expect("created")
    }

    pub(crate) async fn log_in(&self, email: &str) -> Login {
        self.house.log_in(&self.anonymous(), credentials(email, PASSWORD)).await.expect("logged in")
    }

    /// Whether the token opens the door.
    pub(crate) async fn opens(&self, token: &Secret) -> bool {
        self.house.authenticate(&self.anonymous(), Token { token: token.clone() }).await.is_ok()
    }

    pub(crate) async fn list<T: shoal_sql::FromRow + Send + 'static>(
        &self,
        statement: &'static shoal_sql::Statement,
    ) -> Vec<T> {
        let cx = self.system();
        let rows = self.house.database().read(&cx, async move |tx| tx.list::<T>(statement, params![]).await);
        rows.await.expect("read")
    }

    pub(crate) async fn events(&self) -> Vec<String> {
        self.list(sql::EVENTS).await
    }

    pub(crate) fn statements(&self) -> u64 {
        self.house.database().counters().statements
    }
}

pub(crate) fn keyed(cx: &Context, key: &str, fingerprint: u8) -> Context {
    let idempotency = Idempotency { key: key.into(), fingerprint: [fingerprint; 32] };
    Context { idempotency: Some(idempotency), ..cx.clone() }
}

pub(crate) fn registration(email: &str) -> Register {
    Register {
        email: email.to_owned(),
        password: Secret::new(PASSWORD),
        name: "Ada Lovelace".to_owned(),
        phone: None,
        accepts_marketing: false,
    }
}

pub(crate) fn new_user(email: &str) -> NewUser {
    NewUser {
        email: email.to_owned(),
        name: "Ada Lovelace".to_owned(),
        role: Role::Customer,
        phone: None,
        password: None,
        accepts_marketing: false,
        tags: vec![],
        addresses: vec![],
    }
}

pub(crate) fn credentials(email: &str, password: &str) -> LogIn {
    LogIn { email: email.to_owned(), password: Secret::new(password) }
}

pub(crate) fn address(city: &str) -> Address {
    Address {
        name: "Ada Lovelace".to_owned(),
        line1: "12 Mill Lane".to_owned(),
        line2: None,
        city: city.to_owned(),
        postal_code: Some("12345".to_owned()),
        region: None,
        country: "GB".to_owned(),
        phone: None,
    }
}

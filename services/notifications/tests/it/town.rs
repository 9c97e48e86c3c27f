//! A small town: a house of notifications, a clock that stands still, and other houses that answer what a test says.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use shoal_contract::notifications::{Hear, ListMails, Mail, Notifications};
use shoal_contract::{orders, users};
use shoal_notifications::{House, MIGRATIONS, Options};
use shoal_queue::EventId;
use shoal_sql::{Database, Source};
use shoal_types::wire::Call;
use shoal_types::{
    Caller, Context, Env, Fault, Id, ManualClock, Noun, Role, SystemRng, Timestamp, User as UserNoun,
};

/// The other houses, which are away.
pub(crate) struct Others;

#[async_trait]
impl Call for Others {
    async fn call(
        &self,
        _: &Context,
        service: &'static str,
        _: &'static str,
        _: Bytes,
        _: bool,
    ) -> Result<Bytes, Fault> {
        Err(Fault::Unavailable { what: service.to_owned() })
    }
}

pub(crate) struct Town {
    pub(crate) house: Arc<House>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) env: Env,
}

impl Town {
    pub(crate) async fn start() -> Self {
        Self::with(Options { mail: true, ..Options::new(Source::Directory("unused".into())) }).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::parse("2026-05-03T10:12:00Z").expect("a time")));
        let env = Env::new(Arc::clone(&clock) as _, Arc::new(SystemRng));
        let db = Database::temporary("notifications", MIGRATIONS, &env).await.expect("opens");
        let others = Arc::new(Others);
        let users = Arc::new(users::Remote::new(others.clone()));
        let orders = Arc::new(orders::Remote::new(others.clone()));
        let house = House::new(db, options, env.clone(), users, orders);
        Self { house, clock, env }
    }

    pub(crate) fn system(&self) -> Context {
        Context::system(&self.env, Duration::from_secs(60))
    }

    pub(crate) fn staff(&self) -> Context {
        self.system().with_caller(Caller::User { id: self.env.id::<UserNoun>(), role: Role::Staff })
    }

    /// An event of something, a millisecond after the last one.
    pub(crate) fn event<T: Noun>(&self, kind: &str, subject: Id<T>, sequence: u64, data: Value) -> String {
        self.clock.advance(Duration::from_millis(1));
        let id: EventId = self.env.id();
        json!({
            "specversion": "1.0",
            "id": id.to_string(),
            "source": "/somewhere",
            "type": kind,
            "subject": subject.to_string(),
            "aggregate": subject.uuid(),
            "sequence": sequence,
            "time": self.env.now(),
            "data": data,
        })
        .to_string()
    }

    pub(crate) async fn hear(&self, events: &[String]) {
        self.house.hear(&self.system(), Hear { events: events.to_vec() }).await.expect("heard");
    }

    /// Every mail, newest first.
    pub(crate) async fn mails(&self) -> Vec<Mail> {
        self.house.list_mails(&self.staff(), ListMails::default()).await.expect("listed").items
    }
}

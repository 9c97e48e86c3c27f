//! A small town: a house of notifications, a clock that stands still, and other houses that answer what a test says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use shoal_contract::notifications::{Hear, ListMails, Mail, Notifications};
use shoal_contract::{encode, orders, users};
use shoal_notifications::{House, MIGRATIONS, MailOptions, Mailer, Options};
use shoal_queue::EventId;
use shoal_sql::{Database, Engine, Source, Tx, params};
use shoal_types::wire::Call;
use shoal_types::{
    Caller, Context, Env, Fault, Id, ManualClock, Noun, Role, SystemRng, Timestamp, User as UserNoun,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;

shoal_sql::statements! {
    mod sql {
        FREE = "update mails set due_at = 0 where owner is not null";
    }
}

/// How mail is sent to a server at this port.
pub(crate) fn mail_options(port: u16) -> MailOptions {
    MailOptions {
        url: format!("smtp://127.0.0.1:{port}"),
        from: "shop@example.com".to_owned(),
        reply_to: "help@example.com".to_owned(),
        shop_name: "Fish & Sons".to_owned(),
        public_url: "https://shop.example/".to_owned(),
        ..MailOptions::default()
    }
}

/// The other houses: the answer to each method, the same for every request. Who was told none is away.
#[derive(Default)]
pub(crate) struct Others(Mutex<HashMap<&'static str, Bytes>>);

impl Others {
    /// From now on `method` is answered with `answer`.
    pub(crate) fn answer<T: Serialize, E: Serialize>(&self, method: &'static str, answer: Result<T, E>) {
        let answer = encode(&answer).expect("encoded");
        self.0.lock().expect("not poisoned").insert(method, answer);
    }

    /// From now on nobody answers `method`.
    pub(crate) fn is_away(&self, method: &'static str) {
        self.0.lock().expect("not poisoned").remove(method);
    }
}

#[async_trait]
impl Call for Others {
    async fn call(
        &self,
        _: &Context,
        service: &'static str,
        method: &'static str,
        _: Bytes,
        _: bool,
    ) -> Result<Bytes, Fault> {
        let known = self.0.lock().expect("not poisoned").get(method).cloned();
        known.ok_or_else(|| Fault::Unavailable { what: service.to_owned() })
    }
}

pub(crate) struct Town {
    pub(crate) house: Arc<House>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) env: Env,
    pub(crate) others: Arc<Others>,
    options: Options,
    pub(crate) stop: watch::Sender<bool>,
}

impl Town {
    pub(crate) async fn start() -> Self {
        let mailer = Arc::new(Mailer::new(&mail_options(1)).expect("good settings"));
        Self::with(Options { mail: Some(mailer), ..Options::new(Source::Directory("unused".into())) }).await
    }

    /// With a clock that stands still.
    pub(crate) async fn with(options: Options) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::parse("2026-05-03T10:12:00Z").expect("a time")));
        let env = Env::new(Arc::clone(&clock) as _, Arc::new(SystemRng));
        Self::new(options, clock, env).await
    }

    /// With the world's own clock.
    pub(crate) async fn live(options: Options) -> Self {
        Self::new(options, Arc::new(ManualClock::at(Timestamp::from_micros(0))), Env::system()).await
    }

    async fn new(options: Options, clock: Arc<ManualClock>, env: Env) -> Self {
        let db = Database::temporary("notifications", MIGRATIONS, &env).await.expect("opens");
        Self::on(db, options, clock, env, Arc::default())
    }

    fn on(db: Database, options: Options, clock: Arc<ManualClock>, env: Env, others: Arc<Others>) -> Self {
        let users = Arc::new(users::Remote::new(others.clone()));
        let orders = Arc::new(orders::Remote::new(others.clone()));
        let house = House::new(db, options.clone(), env.clone(), users, orders);
        Self { house, clock, env, others, options, stop: watch::Sender::new(false) }
    }

    /// Another node on the same data.
    pub(crate) fn beside(&self) -> Self {
        let db = self.house.database().clone();
        Self::on(db, self.options.clone(), self.clock.clone(), self.env.clone(), self.others.clone())
    }

    /// The node that comes after this one has died. Where nodes share the data it comes when what this one took is free.
    pub(crate) async fn restarted(&self, port: u16) -> Self {
        // Connections that were left in the middle of something are gone with the process.
        let mailer = Arc::new(Mailer::new(&mail_options(port)).expect("good settings"));
        let options = Options { mail: Some(mailer), ..self.options.clone() };
        let db = self.house.database().clone();
        let next = Self::on(db, options, self.clock.clone(), self.env.clone(), self.others.clone());
        if next.house.database().engine() == Engine::Postgres {
            let cx = self.system();
            let free = async |tx: &mut Tx| tx.execute(sql::FREE, params![]).await;
            self.house.database().write(&cx, free).await.expect("the lease is over");
        }
        next
    }

    /// Sends mails until the test ends.
    pub(crate) fn run_mails(&self) -> JoinHandle<()> {
        let (house, stop) = (self.house.clone(), self.stop.subscribe());
        tokio::spawn(house.run_mails(stop))
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

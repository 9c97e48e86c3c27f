//! A pond of fish: the schema and the steps these tests share.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::mpsc;
use std::task::{Context as TaskContext, Waker};
use std::time::Duration;

use shoal_sql::{Database, Error, Migration, Options, Statement, Tx, params};
use shoal_types::{Context, Env};
use tempfile::TempDir;

pub(crate) const MIGRATIONS: &[Migration] = &[Migration::new(
    "0001_fish.sql",
    "create table fish (
       id bigint not null,
       name text not null,
       weight_g bigint not null,
       primary key (id),
       constraint fish_weight_not_negative check (weight_g >= 0)
     );
     create unique index fish_name_unique on fish (name);
     create table catches (
       id uuid not null,
       at bigint not null,
       price bigint not null,
       currency char(3) not null,
       note text,
       fresh smallint not null,
       bytes bytea not null,
       primary key (id)
     );",
)];

shoal_sql::statements! {
    pub(crate) mod sql {
        ADD = "insert into fish (id, name, weight_g) values ($1, $2, $3)";
        ADD_MANY = "insert into fish (id, name, weight_g) values {rows:3}";
        /// Each fish is fed its own portion and the same supplement.
        FEED_MANY = "update fish set weight_g = weight_g + d.column2 + $1
            from (values {rows:bigint,bigint}) as d where id = d.column1";
        SLIM = "update fish set weight_g = weight_g - $2 where id = $1 and weight_g >= $2";
        SLIM_UNCHECKED = "update fish set weight_g = weight_g - $2 where id = $1";
        REMOVE_ALL = "delete from fish";
        FIND = "select name, weight_g from fish where id = $1";
        FIND_MANY = "select id from fish where weight_g >= $1 and id in {in} order by id";
        FIND_PAIRS = "select id from fish where (id, weight_g) in (values {rows:bigint,bigint}) order by id";
        COUNT = "select count(*) from fish";
    }
}

pub(crate) fn context() -> Context {
    Context::system(&Env::system(), Duration::from_secs(60))
}

/// A pond of its own in a file, whatever the engine under test: for what only one writing thread shows.
pub(crate) async fn embedded() -> Database {
    static FOLDERS: Mutex<Vec<TempDir>> = Mutex::new(Vec::new());
    let folder = tempfile::tempdir().expect("a folder");
    let db = Database::open(options(folder.path())).await.expect("opens");
    FOLDERS.lock().expect("no panic").push(folder);
    db
}

/// A pond of its own on the engine under test, gone after the test.
pub(crate) async fn pond() -> Database {
    Database::temporary("pond", MIGRATIONS, &Env::system()).await.expect("opens")
}

/// The pond kept in `directory`.
pub(crate) fn options(directory: &Path) -> Options {
    Options::new(directory, "pond", MIGRATIONS, Env::system())
}

pub(crate) async fn add(db: &Database, id: i64) -> Result<u64, Error> {
    db.write(&context(), async move |tx| tx.execute(sql::ADD, params![id, format!("fish {id}"), 100]).await)
        .await
}

pub(crate) async fn count(db: &Database) -> i64 {
    let fish = db.read(&context(), async |tx| tx.find::<i64>(sql::COUNT, params![]).await).await;
    fish.expect("reads").expect("a count has a row")
}

/// A write that holds the writing thread until it is let go, so that others gather behind it in one group.
pub(crate) struct Held {
    go: mpsc::Sender<()>,
    write: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Held {
    pub(crate) async fn in_front_of(db: &Database) -> Self {
        Self::begin(db, async |_| Ok(())).await
    }

    /// The same with a row held by `statement`, until it is let go.
    pub(crate) async fn with_a_row(db: &Database, statement: &'static Statement, id: i64) -> Self {
        Self::begin(db, async move |tx| tx.find::<i64>(statement, params![id]).await.map(|_| ())).await
    }

    async fn begin<F>(db: &Database, first: F) -> Self
    where
        F: AsyncFn(&mut Tx) -> Result<(), Error> + Send + 'static,
    {
        let (go, gate) = mpsc::channel();
        let (arrived, mut arrival) = tokio::sync::mpsc::unbounded_channel();
        let (db, cx) = (db.clone(), context());
        let write = tokio::spawn(async move {
            db.write(&cx, async move |tx| {
                first(tx).await?;
                let _ = arrived.send(());
                let _ = gate.recv();
                Ok(())
            })
            .await
        });
        arrival.recv().await.expect("the write began");
        Self { go, write }
    }

    pub(crate) async fn let_go(self) -> Result<(), Error> {
        self.go.send(()).expect("the write waits");
        self.write.await.expect("the write ends")
    }
}

/// Starts `future`, which has to wait.
pub(crate) fn queue<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    assert!(future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())).is_pending());
    future
}

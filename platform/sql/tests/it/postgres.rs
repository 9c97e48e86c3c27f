//! The promises that only a real server can test: lost, killed, paused, promoted, encrypted.
//!
//! A server is a matter of a second or two, so that one test tells several stories on the same one, each in a database of
//! its own. Without PostgreSQL the tests say so and pass.

mod frozen;
mod grouped;
mod interactive;
mod killed;
mod lost;
mod migrations;
mod model;
mod paused;
mod plans;
mod pool;
mod proxy;
mod reads;
mod refused;
mod replica;
mod slow;
mod standby;
mod tls;

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use shoal_servers::{Options as Wanted, Postgres};
use shoal_sql::{Database, Error, Options, Source, params};
use shoal_types::{Context, Env};

use crate::pond::MIGRATIONS;

/// For what happens soon, on a busy machine.
const SOON: Duration = Duration::from_secs(30);
/// Short beside what is waited for, long beside a look.
const LOOK_EVERY: Duration = Duration::from_millis(5);

shoal_sql::statements! {
    mod sql {
        ADD = "insert into fish (id, name, weight_g) values ($1, $2, $3)";
        ADD_ROWS = "insert into fish (id, name, weight_g) values {rows:3}";
        FEED = "update fish set weight_g = weight_g + $2 where id = $1";
        /// The same for many; tells what each weighs then.
        FEED_ROWS = "update fish set weight_g = weight_g + d.column2
            from (values {rows:bigint,bigint}) as d where id = d.column1 returning id, weight_g";
        /// The same, and tells nothing.
        FEED_ROWS_SILENTLY = "update fish set weight_g = weight_g + d.column2
            from (values {rows:bigint,bigint}) as d where id = d.column1";
        HOLD = "select weight_g from fish where id = $1 {lock}";
        WEIGH = "select weight_g from fish where id = $1";
        SET = "update fish set weight_g = $2 where id = $1";
        ALL_FISH = "select id, weight_g from fish order by id";
        COUNT = "select count(*) from fish";
        NAP = "select count(*) from pg_sleep(60)";
        SHORT_NAP = "select count(*) from pg_sleep(1)";
        LONG_NAP = "select count(*) from pg_sleep(11)";
        LONG_NAP_AND_FEED = "update fish set weight_g = weight_g + 1 from pg_sleep(11) where id = $1";
        NAP_AND_FEED = "update fish set weight_g = weight_g + 1 from pg_sleep(60) where id = $1";
    }
}

/// A server of its own; `None`, which is said, where PostgreSQL is not installed.
fn start(wanted: Wanted) -> Option<Postgres> {
    match Postgres::programs() {
        Ok(_) => Some(Postgres::start(wanted).expect("the server starts")),
        Err(missing) => {
            eprintln!("skipped: {missing}");
            None
        }
    }
}

/// The URL of a new, empty database.
fn database(server: &Postgres) -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let name = format!("pond_{}", MADE.fetch_add(1, Ordering::Relaxed));
    server.query("postgres", &format!("create database {name}")).expect("made");
    server.url(&name)
}

/// The name of the database at the end of a URL.
fn name_of(url: &str) -> &str {
    let (_, name) = url.rsplit_once('/').expect("a URL ends with a database");
    name
}

/// Has SQL done in the database of `url`, behind the back of Shoal.
fn ask(server: &Postgres, url: &str, sql: &str) -> String {
    server.query(name_of(url), &format!("set search_path to pond; {sql}")).expect("the server answers")
}

fn options(url: &str) -> Options {
    Options::new(Source::parse(url).expect("a URL"), "pond", MIGRATIONS, Env::system())
}

async fn open(url: &str) -> Database {
    Database::open(options(url)).await.expect("opens")
}

/// A pond with `fish` fish, of ids from 1, which weigh nothing yet.
async fn pond(url: &str, fish: i64) -> Database {
    let db = open(url).await;
    let rows: Vec<_> = (1..=fish).map(|id| params![id, format!("fish {id}"), 0]).collect();
    let cx = within(SOON);
    let added = db.write(&cx, async move |tx| tx.execute_rows(sql::ADD_ROWS, params![], &rows).await);
    added.await.expect("added");
    db
}

fn within(time: Duration) -> Context {
    Context::system(&Env::system(), time)
}

async fn feed(db: &Database, cx: &Context, id: i64) -> Result<u64, Error> {
    db.write(cx, async move |tx| tx.execute(sql::FEED, params![id, 1]).await).await
}

async fn feed_grouped(db: &Database, cx: &Context, id: i64) -> Result<Option<(i64, i64)>, Error> {
    db.write_grouped(cx, async move |tx| tx.change_row(sql::FEED_ROWS, params![], params![id, 1]).await).await
}

async fn weigh(db: &Database, id: i64) -> i64 {
    weigh_within(db, &within(SOON), id).await.expect("reads")
}

async fn weigh_within(db: &Database, cx: &Context, id: i64) -> Result<i64, Error> {
    let weight = db.read(cx, async move |tx| tx.find::<i64>(sql::WEIGH, params![id]).await).await?;
    Ok(weight.expect("there is such a fish"))
}

/// What it gives and how long it took.
async fn timed<F: Future>(future: F) -> (F::Output, Duration) {
    let start = Instant::now();
    (future.await, start.elapsed())
}

/// Waits for a condition.
async fn soon<F: Future<Output = bool>>(what: &str, mut met: impl FnMut() -> F) {
    let start = Instant::now();
    while !met().await {
        assert!(start.elapsed() < SOON, "not within {SOON:?}: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::Context;
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use crate::load::{Ended, Work};

/// Writes that share a commit, at most: as many as Shoal's writer takes.
const GROUP_MAX: usize = 512;
/// A stand-in for a saga's input, and for the document of an order: as long as Shoal's for one line.
const INPUT: &str = include_str!("input.json");
const DOCUMENT: &str = include_str!("document.json");

const SCHEMA: &str = "
create table sagas (id blob primary key, key_hash blob unique, stage text, input text, quote text, at integer);
create table holds (id blob, line integer, variant blob, quantity integer, state text, at integer, primary key (id, line));
create table stock (variant blob primary key, on_hand integer, reserved integer, check (on_hand >= reserved));
create table orders (id blob primary key, number text unique, status text, paid integer, document text, at integer);
create table lines (id blob, line integer, quantity integer, primary key (id, line));
create table events (id blob, sequence integer, event blob, kind text, at integer, primary key (id, sequence));
insert into stock values (zeroblob(16), 1000000000, 0);
";

/// The bare writer: one thread that commits the rows of a checkout for all who wait, in one transaction.
#[derive(Clone)]
pub(crate) struct Writer(SyncSender<(u64, oneshot::Sender<bool>)>);

impl Writer {
    pub(crate) fn start(directory: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(directory.join("floor.db")).context("the floor's database")?;
        connection.execute_batch("pragma journal_mode = wal; pragma synchronous = full;")?;
        connection.execute_batch(SCHEMA)?;
        connection.set_prepared_statement_cache_capacity(64);
        let (sender, jobs) = sync_channel(4_096);
        std::thread::spawn(move || commit_groups(&connection, &jobs));
        Ok(Self(sender))
    }
}

impl Work for Writer {
    async fn once(&mut self, number: u64) -> Ended {
        let (reply, answer) = oneshot::channel();
        match self.0.try_send((number, reply)) {
            Ok(()) if answer.await.unwrap_or(false) => Ended::Done,
            _ => Ended::Failed,
        }
    }
}

fn commit_groups(connection: &Connection, jobs: &Receiver<(u64, oneshot::Sender<bool>)>) {
    while let Ok(first) = jobs.recv() {
        let mut replies = Vec::new();
        let mut wrote = connection.execute_batch("begin immediate");
        let group = std::iter::once(first).chain(jobs.try_iter()).take(GROUP_MAX);
        for (number, reply) in group {
            wrote = wrote.and_then(|()| checkout(connection, number));
            replies.push(reply);
        }
        let committed = wrote.and_then(|()| connection.execute_batch("commit")).is_ok();
        for reply in replies {
            let _ = reply.send(committed);
        }
    }
}

/// The rows that one checkout of one line leaves, by as many statements as Shoal has for it.
fn checkout(connection: &Connection, number: u64) -> rusqlite::Result<()> {
    let run =
        |text, params: &[&dyn rusqlite::ToSql]| connection.prepare_cached(text)?.execute(params).map(|_| ());
    // Spread as hashes are, in the order of time as ids are.
    let (id, hash) =
        ((u128::from(number) << 64).to_be_bytes(), number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let at = number as i64;
    run("insert into sagas values (?1, ?2, 'reserving', ?3, null, ?4)", params![id, hash, INPUT, at])?;
    run("insert into holds values (?1, 0, zeroblob(16), 1, 'held', ?2)", params![id, at])?;
    run("update stock set reserved = reserved + 1 where variant = zeroblob(16) and on_hand > reserved", &[])?;
    run("update sagas set stage = 'authorising', quote = ?2 where id = ?1", params![id, INPUT])?;
    run("insert into orders values (?1, ?2, 'placed', 0, ?3, ?4)", params![id, hash, DOCUMENT, at])?;
    run("insert into lines values (?1, 0, 1)", params![id])?;
    run("insert into events values (?1, 1, ?2, 'order.placed', ?3)", params![id, hash, at])?;
    run("update holds set state = 'confirmed' where id = ?1", params![id])?;
    run("update stock set reserved = reserved - 1, on_hand = on_hand - 1 where variant = zeroblob(16)", &[])?;
    run("update sagas set stage = 'capturing' where id = ?1", params![id])?;
    run("update orders set status = 'paid', paid = 1999 where id = ?1", params![id])?;
    run("insert into events values (?1, 2, ?2, 'order.paid', ?3)", params![id, hash, at])?;
    run("update sagas set stage = 'completed' where id = ?1", params![id])
}

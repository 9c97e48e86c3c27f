use std::fs::File;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use shoal_types::{Env, Timestamp};

use super::backup::refuse_unfinished;
use super::connection::path;
use super::failure::{from_io, from_sqlite};
use super::mark;
use crate::Error;

/// How long the first lock may be held while the others are waited for. Who writes waits 5 s before giving up.
const HELD_MAX: Duration = Duration::from_millis(250);
/// The pause between two tries at a lock. A busy writer lets go of it for some 20 us between two groups.
const POLL: Duration = Duration::from_micros(20);
/// Tries at holding all locks at once, and the pause after one in vain, in which the writers catch up.
const TRIES: u32 = 10;
const CATCH_UP: Duration = Duration::from_millis(250);
/// Pages copied in one step: 4 MiB.
const STEP_PAGES: i32 = 1024;
/// Steps after which the copy is brought to the disk, so that no large write at the end holds up those who serve.
const STEPS_A_SYNC: u32 = 8;

/// One point of several databases of a directory, while a process, this one or another, writes them.
///
/// It holds all that was committed to any of them before one instant, and nothing of what came after. Until it is
/// dropped the logs of the databases cannot be emptied, so they grow with what is written.
pub struct Snapshot {
    pinned: Vec<(&'static str, Connection)>,
    taken_at: Timestamp,
    held: Duration,
}

impl Snapshot {
    /// Holds the write locks of all databases at once, for some milliseconds, and pins what is committed then.
    ///
    /// Two at a time take the locks in the order of `names`; give all the same. Blocks.
    ///
    /// # Errors
    /// `Busy` if a write did not end for long; `UnfinishedRestore`, or what the mark of a move says; `ReadOnly`, `Full` or `Corrupt` as the files are.
    pub fn take(directory: &Path, names: &[&'static str], env: &Env) -> Result<Self, Error> {
        mark::refuse(directory)?;
        refuse_unfinished(directory)?;
        let mut gates =
            names.iter().map(|name| Gate::open(directory, name)).collect::<Result<Vec<_>, _>>()?;
        for _ in 1..TRIES {
            match hold_and_pin(&mut gates, env) {
                Err(Error::Busy) => sleep(CATCH_UP),
                held => return held.map(|(taken_at, held)| Self::of(gates, taken_at, held)),
            }
        }
        hold_and_pin(&mut gates, env).map(|(taken_at, held)| Self::of(gates, taken_at, held))
    }

    fn of(gates: Vec<Gate>, taken_at: Timestamp, held: Duration) -> Self {
        let pinned = gates.into_iter().map(|gate| (gate.name, gate.reader)).collect();
        Self { pinned, taken_at, held }
    }

    /// The instant that it shows.
    pub fn taken_at(&self) -> Timestamp {
        self.taken_at
    }

    /// How long writes were held up.
    pub fn held(&self) -> Duration {
        self.held
    }

    /// The size of a database at that instant, bytes.
    ///
    /// # Errors
    /// What the engine answers.
    pub fn size(&self, name: &str) -> Result<u64, Error> {
        let reader = self.reader(name)?;
        let pages = number(reader, "pragma page_count")?;
        Ok(u64::try_from(pages).unwrap_or_default() * page_size(reader)?)
    }

    /// Copies a database as it was at that instant into the new file `to`, which is on the disk when it answers: one
    /// file, without a log. `goes_on` is told the bytes copied so far and ends the copy by answering false; what there
    /// is of the file then is of no use, as after an error. Blocks.
    ///
    /// # Errors
    /// `Full`, `ReadOnly`; `Closed` if `goes_on` ended it.
    pub fn copy(&self, name: &str, to: &Path, goes_on: &mut dyn FnMut(u64) -> bool) -> Result<(), Error> {
        let file = File::create_new(to).map_err(|error| from_io(&error, to))?;
        let failed = |error: &rusqlite::Error| from_sqlite(error, "copy");
        let mut target = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .map_err(|error| failed(&error))?;
        // A copy that is cut short is thrown away, so nothing of it needs to be undone, and this syncs it itself.
        target
            .execute_batch("pragma journal_mode = off; pragma synchronous = off;")
            .map_err(|error| failed(&error))?;
        let mut steps = 0;
        copy_pages(self.reader(name)?, &mut target, &mut |bytes| {
            steps += 1;
            if steps % STEPS_A_SYNC == 0 {
                file.sync_data().map_err(|error| from_io(&error, to))?;
            }
            if goes_on(bytes) { Ok(()) } else { Err(Error::Closed) }
        })?;
        // The header says that there is a log beside the file, as the original has; the copy is to stand alone.
        target.execute_batch("pragma journal_mode = delete;").map_err(|error| failed(&error))?;
        target.close().map_err(|(_, error)| failed(&error))?;
        file.sync_all().map_err(|error| from_io(&error, to))
    }

    fn reader(&self, name: &str) -> Result<&Connection, Error> {
        let found = self.pinned.iter().find(|(pinned, _)| *pinned == name);
        found.map(|(_, reader)| reader).ok_or(Error::Closed)
    }
}

/// The engine's own copy reads within the transaction that is open, so that every step sees the pinned pages.
/// (`vacuum into` would not: it wants a transaction of its own.)
fn copy_pages(
    from: &Connection,
    to: &mut Connection,
    after_step: &mut dyn FnMut(u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let failed = |error: rusqlite::Error| from_sqlite(&error, "copy");
    let page_size = page_size(from)?;
    let copying = Backup::new(from, to).map_err(failed)?;
    loop {
        let step = copying.step(STEP_PAGES).map_err(failed)?;
        let progress = copying.progress();
        after_step(u64::try_from(progress.pagecount - progress.remaining).unwrap_or_default() * page_size)?;
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Nobody else knows the copy, and the source is only read.
            _ => return Err(Error::Busy),
        }
    }
}

fn page_size(connection: &Connection) -> Result<u64, Error> {
    Ok(u64::try_from(number(connection, "pragma page_size")?).unwrap_or_default())
}

fn number(connection: &Connection, pragma: &'static str) -> Result<i64, Error> {
    connection.query_row(pragma, [], |row| row.get(0)).map_err(|error| from_sqlite(&error, pragma))
}

/// The two connections to a file that it takes to pin it: one that keeps others from writing, one that stays.
struct Gate {
    name: &'static str,
    lock: Connection,
    reader: Connection,
}

impl Gate {
    fn open(directory: &Path, name: &'static str) -> Result<Self, Error> {
        let path = path(directory, name);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let connection = Connection::open_with_flags(&path, flags)?;
            // What is slow is done before anybody waits: the log is opened, the schema read.
            connection.execute_batch("select count(*) from sqlite_master;")?;
            Ok(connection)
        };
        let failed = |error| match from_sqlite(&error, "open") {
            Error::Corrupt { detail } => Error::Corrupt { detail: format!("{}: {detail}", path.display()) },
            other => other,
        };
        let open = || open().map_err(failed);
        Ok(Self { name, lock: open()?, reader: open()? })
    }

    /// Takes the write lock; tries until `until`.
    fn close(&mut self, until: Timestamp, env: &Env) -> rusqlite::Result<()> {
        let env = env.clone();
        // The engine's own waits grow to 100 ms, and a busy writer is away for microseconds only.
        self.lock.busy_handler(Some(move |_| {
            sleep(POLL);
            env.now() < until
        }))?;
        self.lock.execute_batch("begin immediate")
    }

    fn pin(&self) -> rusqlite::Result<()> {
        // The snapshot is taken by the first statement that reads.
        self.reader.execute_batch("begin; select count(*) from sqlite_master;")
    }

    /// Gives the write lock back, if it was taken.
    fn open_again(&self) -> rusqlite::Result<()> {
        if self.lock.is_autocommit() { Ok(()) } else { self.lock.execute_batch("rollback") }
    }
}

/// While nobody can write any of the files, pins each; the instant, and how long nobody could.
fn hold_and_pin(gates: &mut [Gate], env: &Env) -> Result<(Timestamp, Duration), Error> {
    let began = env.now();
    let mut first = None;
    let until = |first: Option<Timestamp>| first.unwrap_or(began).plus(HELD_MAX);
    let mut run = || {
        for gate in gates.iter_mut() {
            gate.close(until(first), env)?;
            first.get_or_insert_with(|| env.now());
        }
        let taken_at = env.now();
        gates.iter().try_for_each(Gate::pin)?;
        rusqlite::Result::Ok(taken_at)
    };
    let pinned = run();
    let opened = gates.iter().map(Gate::open_again).collect::<Vec<_>>();
    let held = env.now().since(first.unwrap_or(began));
    opened.into_iter().collect::<rusqlite::Result<()>>().map_err(|error| from_sqlite(&error, "release"))?;
    match pinned {
        Ok(taken_at) => Ok((taken_at, held)),
        Err(error) => {
            unpin(gates);
            Err(from_sqlite(&error, "hold"))
        }
    }
}

fn unpin(gates: &[Gate]) {
    for gate in gates.iter().filter(|gate| !gate.reader.is_autocommit()) {
        if let Err(error) = gate.reader.execute_batch("rollback") {
            tracing::debug!(%error, database = gate.name, "the snapshot ends with its connection");
        }
    }
}

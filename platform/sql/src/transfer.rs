//! Moves the data of a shop from one place to another, whichever engines hold them, and proves that it arrived.
//!
//! The tables are found in the engine's catalogue and copied in the order of their primary keys, page by page. How far
//! a table has come is noted in the transaction of each page, so that a move may be killed anywhere and run again. Both
//! places bear a mark from the first page on, for which [`Database::open`](crate::Database::open) refuses them. At the
//! end each table is read again on both sides and compared by count and checksum; then the target's mark goes, and the
//! source's says where the shop is now.
//!
//! The statements here are generated from the catalogue, not registered: nothing but a move runs them.

mod copy;
mod encoding;
mod end;
mod error;
mod fresh;
mod mark;
mod passage;
mod table;
mod verify;

use shoal_types::Env;
use tokio::task::LocalSet;

use crate::{Migration, Source, postgres, sqlite};
pub use encoding::Digest;
pub(crate) use end::{Done, End};
pub use error::Error;
pub(crate) use mark::{Mark, State};
use passage::Passage;
pub(crate) use table::{Found, MARK_TABLE, PROGRESS_TABLE, Table, quoted};

/// A house whose data moves with the shop, if it is there.
#[derive(Debug, Clone, Copy)]
pub struct House {
    /// Its name: that of its file or schema.
    pub name: &'static str,
    /// The schema's history. Source and target have all of it.
    pub migrations: &'static [Migration],
    /// A folder beside its file that is made from the data: what lies there in the target is of another shop, and goes.
    pub derived: Option<&'static str>,
}

/// A shop on its way.
#[derive(Clone)]
pub struct Move {
    /// Where it is. Nothing but a mark is written there.
    pub from: Source,
    /// Where it goes: to an empty place, or to one where an earlier run of the same move stopped.
    pub to: Source,
    /// All houses there may be.
    pub houses: Vec<House>,
    /// Time and randomness.
    pub env: Env,
}

/// How a move ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every table arrived: their digests.
    Moved(Vec<Compared>),
    /// An earlier run had done all of it.
    Already,
}

/// A table on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The house.
    pub house: &'static str,
    /// The table.
    pub table: String,
    /// In the source.
    pub from: Digest,
    /// In the target.
    pub to: Digest,
}

impl Compared {
    /// Whether the same rows are on both sides.
    pub fn is_same(&self) -> bool {
        self.from == self.to
    }
}

/// What a move is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Rows go over.
    Copying,
    /// Rows are read again on both sides.
    Verifying,
}

/// How far a move has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What it is at.
    pub phase: Phase,
    /// The house.
    pub house: &'static str,
    /// The table.
    pub table: String,
    /// Rows of this phase that are done.
    pub rows: u64,
    /// Rows of this phase.
    pub rows_total: u64,
}

impl Move {
    /// Moves the shop, and tells `progress` after each page. A run that was killed or has failed is taken up where it
    /// stopped by the next one.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn run(self, progress: impl FnMut(&Progress) + Send + 'static) -> Result<Outcome, Error> {
        let progress = Box::new(progress);
        apart(async move || {
            let (plan, env) = (&self, &self.env);
            match (&self.from, &self.to) {
                (Source::Directory(from), Source::Directory(to)) => {
                    let from = sqlite::Files::source(from, env);
                    Passage::new(from, sqlite::Files::target(to, env), plan, progress).run().await
                }
                (Source::Directory(from), Source::Postgres(to)) => {
                    let from = sqlite::Files::source(from, env);
                    Passage::new(from, postgres::Schemas::connect(to, env).await?, plan, progress).run().await
                }
                (Source::Postgres(from), Source::Directory(to)) => {
                    let from = postgres::Schemas::connect(from, env).await?;
                    Passage::new(from, sqlite::Files::target(to, env), plan, progress).run().await
                }
                (Source::Postgres(from), Source::Postgres(to)) => {
                    let from = postgres::Schemas::connect(from, env).await?;
                    Passage::new(from, postgres::Schemas::connect(to, env).await?, plan, progress).run().await
                }
            }
        })
        .await
    }
}

/// Takes the mark of a move off the place that it began in, so that it is served again, and answers where the data was
/// on its way to, or has gone: from now on both places are shops of their own.
///
/// # Errors
/// `NotMoved`, `InUse`; `Incomplete` for the place that an unfinished move goes to.
pub async fn undo(source: Source, houses: Vec<House>, env: Env) -> Result<String, Error> {
    apart(async move || match &source {
        Source::Directory(directory) => unmark(sqlite::Files::source(directory, &env), &houses).await,
        Source::Postgres(server) => unmark(postgres::Schemas::connect(server, &env).await?, &houses).await,
    })
    .await
}

async fn unmark<E: End>(mut end: E, houses: &[House]) -> Result<String, Error> {
    // Only a place that has a mark is held, and while it is held its mark stays what it is.
    if end.mark(houses).await?.is_some() {
        end.hold(houses).await?;
    }
    match end.mark(houses).await? {
        None => Err(Error::NotMoved { place: end.place().to_owned() }),
        Some(mark) if mark.state == State::Arriving => Err(mark.refusal(end.place()).into()),
        Some(mark) => {
            end.set_mark(houses, None).await?;
            Ok(mark.other)
        }
    }
}

/// Runs on a thread of its own, where files may be waited for and connections need not move.
async fn apart<T: Send + 'static>(
    work: impl AsyncFnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let unavailable = |error: std::io::Error| crate::Error::Unavailable { detail: error.to_string() };
        LocalSet::new().block_on(&runtime.map_err(unavailable)?, work())
    };
    let ended = tokio::task::spawn_blocking(run).await;
    ended.unwrap_or_else(|error| Err(crate::Error::Panicked { message: error.to_string() }.into()))
}

//! Following what other nodes write, where several share the data.
//!
//! What a node remembers counts only if nothing was changed since. So each use asks first: one read of the changes that
//! came after the last one heard of, which everybody who asks at the same time shares. What is told there is forgotten,
//! and waits to be indexed; a search has that done before it answers.

mod clerks;
mod heard;

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use shoal_contract::products::Error;
use shoal_types::{Context, Env, Fault};
use tokio::sync::Notify;

use crate::desk::Desk;
use crate::house::House;
use crate::store::Position;
use clerks::{Hearing, Indexing};
use heard::Heard;
pub(crate) use heard::Pending;

/// What this node knows of the changes all nodes make.
pub(crate) struct Following {
    heard: Mutex<Heard>,
    hearing: Desk<Hearing>,
    indexing: Desk<Indexing>,
    /// Told when there is something to be indexed.
    pub(crate) news: Notify,
}

impl Following {
    /// Follows from `position` on, with an index that is to be filled.
    pub(crate) fn new(house: &Weak<House>, position: Position, env: &Env) -> Self {
        Self {
            heard: Mutex::new(Heard::at(position)),
            hearing: Desk::new(Hearing::new(house.clone()), env.clone(), 1),
            indexing: Desk::new(Indexing::new(house.clone()), env.clone(), 1),
            news: Notify::new(),
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finishes what was asked for and refuses more.
    pub(crate) async fn close(&self) {
        tokio::join!(self.hearing.close(), self.indexing.close());
    }
}

impl House {
    /// Forgets what any node has changed by now. At once where nobody else can.
    ///
    /// # Errors
    /// What the database answers; `DeadlineExceeded`.
    pub(crate) async fn hear(&self, cx: &Context) -> Result<bool, Error> {
        match &self.following {
            Some(following) => following.hearing.ask(cx, ()).await,
            None => Ok(false),
        }
    }

    /// As [`House::hear`], and has it indexed; whether there was anything new. Where nobody else writes, the relay feeds
    /// the index and is waited for.
    ///
    /// # Errors
    /// As [`House::hear`], and what keeps the index from being written.
    pub(crate) async fn catch_up(&self, cx: &Context) -> Result<bool, Error> {
        let Some(following) = &self.following else {
            self.await_feed().await;
            return Ok(false);
        };
        let news = following.hearing.ask(cx, ()).await?;
        if !following.heard().is_indexed() {
            following.indexing.ask(cx, ()).await?;
        }
        Ok(news)
    }

    /// Waits until the relay has brought into the index what was written here, and hastens it.
    async fn await_feed(&self) {
        if !self.fresh.is_empty() {
            self.index.hurry();
            self.fresh.settled().await;
        }
    }
}

/// What a clerk answers whose house has gone.
fn gone() -> Error {
    Fault::Unavailable { what: "the database".to_owned() }.into()
}

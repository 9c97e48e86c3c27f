use std::sync::Weak;
use std::time::Duration;

use shoal_contract::products::{Error, ProductId};
use shoal_types::{Context, Fault};

use super::{Following, Pending, gone};
use crate::desk::Clerk;
use crate::error::Stop;
use crate::house::House;
use crate::store::{self, Noted, Subject};

/// Changes read at a time.
const BATCH: u16 = 1_000;
/// How long one look may take, whoever waits for it.
const LOOK: Duration = Duration::from_secs(5);
/// How long bringing the index up to date may take.
const INDEX: Duration = Duration::from_secs(60 * 60);

/// Reads what was changed since the last time; answers whether anything was.
pub(super) struct Hearing {
    house: Weak<House>,
}

impl Hearing {
    pub(super) fn new(house: Weak<House>) -> Self {
        Self { house }
    }
}

impl Clerk for Hearing {
    type Ask = ();
    type Answer = bool;

    fn size(&self, (): &()) -> usize {
        0
    }

    async fn round(&self, _: &Context, asked: Vec<()>) -> Vec<Result<bool, Error>> {
        let answer = match self.house.upgrade() {
            Some(house) => hear(&house).await.map_err(Error::from),
            None => Err(gone()),
        };
        vec![answer; asked.len()]
    }
}

async fn hear(house: &House) -> Result<bool, Stop> {
    let Some(following) = &house.following else { return Ok(false) };
    let cx = Context::system(&house.env, LOOK);
    let mut any = false;
    loop {
        let last = following.heard().last().number;
        let read = house.db.read(&cx, async move |tx| store::list_changes(tx, last, BATCH).await).await;
        let read = read.map_err(Stop::Database)?;
        let news = following.heard().news(&read);
        match news {
            Some(news) if news.is_empty() => return Ok(any),
            Some(news) => {
                forget(house, &news);
                following.heard().note(&news);
            }
            None => start_over(house, following, &cx).await?,
        }
        any = true;
        following.news.notify_one();
        if read.len() < usize::from(BATCH) {
            return Ok(true);
        }
    }
}

/// What is remembered of what was changed, here or elsewhere, is old.
fn forget(house: &House, news: &[Noted]) {
    for change in news {
        match change.subject {
            Subject::Product(id) => house.cache.forget(id),
            Subject::Category(_) | Subject::Tree => house.cache.forget_tree(),
        }
    }
}

/// The changes that came next are gone, or are others than those that were heard: nothing is known any more. The place
/// to go on from is read before all is forgotten, so that nothing older than it is kept.
async fn start_over(house: &House, following: &Following, cx: &Context) -> Result<(), Stop> {
    let last = house.db.read(cx, async |tx| store::last_change(tx).await).await.map_err(Stop::Database)?;
    house.cache.forget_tree();
    following.heard().start_over(last);
    tracing::info!(number = last.number, "the changes heard of are not those made: starting over");
    Ok(())
}

/// Brings into the index what was heard of.
pub(super) struct Indexing {
    house: Weak<House>,
}

impl Indexing {
    pub(super) fn new(house: Weak<House>) -> Self {
        Self { house }
    }
}

impl Clerk for Indexing {
    type Ask = ();
    type Answer = ();

    fn size(&self, (): &()) -> usize {
        0
    }

    async fn round(&self, _: &Context, asked: Vec<()>) -> Vec<Result<(), Error>> {
        let answer = match self.house.upgrade() {
            Some(house) => index(&house).await.map_err(Error::from),
            None => Err(gone()),
        };
        vec![answer; asked.len()]
    }
}

async fn index(house: &House) -> Result<(), Fault> {
    let Some(following) = &house.following else { return Ok(()) };
    let mut work = Work { following, pending: Some(following.heard().take()) };
    let Some(pending) = &work.pending else { return Ok(()) };
    let cx = Context::system(&house.env, INDEX);
    if pending.all {
        house.refill_index(&cx).await?;
    }
    for category in &pending.categories {
        house.index_category(&cx, *category).await?;
    }
    let products: Vec<ProductId> = pending.products.iter().copied().collect();
    house.index_products(&cx, products).await?;
    work.pending = None;
    Ok(())
}

/// What was taken to be indexed. If it does not get there it goes back, whatever happened.
struct Work<'f> {
    following: &'f Following,
    pending: Option<Pending>,
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        let mut heard = self.following.heard();
        match self.pending.take() {
            Some(pending) => heard.put_back(pending),
            None => heard.indexed(),
        }
    }
}

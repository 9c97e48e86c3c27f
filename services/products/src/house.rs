//! What the use cases share: the data, what is remembered of it, and the search index.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shoal_contract::products::{ProductId, ProductStatus};
use shoal_search::{Index, Place};
use shoal_sql::{Database, Durability, Engine, Source};
use shoal_types::{Caller, Context, Currency, Env, Fault, Role};

use crate::api::levels::Levels;
use crate::api::reserving::Reserving;
use crate::api::settling::Settling;
use crate::cache::{Cache, Entry};
use crate::desk::Desk;
use crate::error::Stop;
use crate::following::Following;
use crate::fresh::Fresh;
use crate::index;
use crate::jobs::Alarm;
use crate::model::Tree;
use crate::store::{self, Audience, Position, Settlement};

/// How long the first look at the data may take.
const OPEN_TIME: Duration = Duration::from_secs(60);

/// Pieces from which on stock counts as low, if the shop does not say otherwise.
const LOW_STOCK: i64 = 5;

/// How to open the house.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where its data lives. The search index is kept beside embedded data, else in memory.
    pub source: Source,
    /// The shop's currency: the one of price lists that name none.
    pub currency: Currency,
    /// What an answered write survives.
    pub durability: Durability,
    /// Pieces from which on what can be sold of a variant counts as low; 0 never tells of it.
    pub low_stock: i64,
}

impl Options {
    /// Durable data in `source`; stock is low from 5 pieces on.
    pub fn new(source: impl Into<Source>, currency: Currency) -> Self {
        Self { source: source.into(), currency, durability: Durability::Full, low_stock: LOW_STOCK }
    }
}

/// Why the house cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its database cannot.
    #[error(transparent)]
    Database(#[from] shoal_sql::Error),
    /// Its search index cannot.
    #[error("the search index in {} cannot be opened: {error}", folder.display())]
    Search {
        /// Where it lies.
        folder: PathBuf,
        /// Why.
        error: shoal_search::Error,
    },
}

pub(crate) struct House {
    pub(crate) db: Database,
    pub(crate) env: Env,
    pub(crate) currency: Currency,
    pub(crate) cache: Cache,
    pub(crate) index: Index,
    pub(crate) alarm: Arc<Alarm>,
    pub(crate) levels: Levels,
    pub(crate) reserving: Desk<Reserving>,
    pub(crate) confirming: Desk<Settling>,
    pub(crate) releasing: Desk<Settling>,
    /// What others change of the same data; nobody does where it is embedded.
    pub(crate) following: Option<Following>,
    /// What the index lacks of the writes of this house.
    pub(crate) fresh: Arc<Fresh>,
}

impl House {
    pub(crate) async fn open(options: Options, env: Env) -> Result<Arc<Self>, OpenError> {
        let folder = options.source.directory().map(|directory| directory.join("search"));
        // The database first: its lock keeps other processes from the index too.
        let sql = shoal_sql::Options::new(options.source, "products", store::MIGRATIONS, env.clone());
        let db = Database::open(shoal_sql::Options { durability: options.durability, ..sql }).await?;
        let schema = index::schema(options.currency);
        let place = folder.clone().map_or(Place::Memory, Place::Directory);
        let index = Index::open(place, schema).await;
        let index = index.map_err(|error| OpenError::Search { folder: folder.unwrap_or_default(), error })?;
        // Noted before the index is filled: what is changed from here on is heard.
        let position = position(&db, &env).await?;
        Ok(Arc::new_cyclic(|house| {
            let following = position.map(|position| Following::new(house, position, &env));
            Self::on(db, index, following, options.currency, Levels::new(env.clone(), options.low_stock), env)
        }))
    }

    /// The house on data and an index that are open.
    fn on(
        db: Database,
        index: Index,
        following: Option<Following>,
        currency: Currency,
        levels: Levels,
        env: Env,
    ) -> Self {
        let (alarm, rounds) = (Arc::new(Alarm::default()), rounds_max(db.engine()));
        let reserving = Reserving::new(db.clone(), env.clone(), levels.clone(), Arc::clone(&alarm));
        let settling = |how| Settling::new(db.clone(), env.clone(), levels.clone(), how);
        let settling = |how| Desk::new(settling(how), env.clone(), rounds);
        Self {
            following,
            fresh: Arc::default(),
            currency,
            cache: Cache::new(),
            index,
            alarm,
            reserving: Desk::new(reserving, env.clone(), rounds),
            confirming: settling(Settlement::Confirm),
            releasing: settling(Settlement::Release),
            levels,
            db,
            env,
        }
    }

    /// Who else must hear of what is changed here.
    pub(crate) fn audience(&self) -> Audience {
        if self.following.is_some() { Audience::Nodes } else { Audience::Nobody }
    }

    /// Finishes what waits and closes the data.
    pub(crate) async fn close(&self) {
        tokio::join!(self.reserving.close(), self.confirming.close(), self.releasing.close());
        self.db.close().await;
    }

    /// The category tree.
    pub(crate) async fn tree(&self, cx: &Context) -> Result<Arc<Tree>, Stop> {
        let (seen, tree) = self.cache.tree();
        if let Some(tree) = tree {
            return Ok(tree);
        }
        let tree = self.db.read(cx, async move |tx| store::load_tree(tx).await).await;
        let tree = Arc::new(tree.map_err(Stop::Database)?);
        self.cache.keep_tree(seen, Arc::clone(&tree));
        Ok(tree)
    }

    /// The products of these ids, from memory or the database; unknown ones are left out.
    pub(crate) async fn load(
        &self,
        cx: &Context,
        ids: impl IntoIterator<Item = ProductId>,
    ) -> Result<HashMap<ProductId, Arc<Entry>>, Stop> {
        let mut found = HashMap::new();
        let mut missing = HashMap::new();
        for id in ids {
            match self.cache.get(id) {
                Some(entry) => drop(found.insert(id, entry)),
                None => drop(missing.insert(id, self.cache.generation(id))),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        // The tree is asked for after the generations were noted: a change to it raises them all.
        let tree = self.tree(cx).await?;
        let ids: Vec<ProductId> = missing.keys().copied().collect();
        let records = self.db.read(cx, async move |tx| store::load(tx, &ids).await).await;
        for record in records.map_err(Stop::Database)? {
            let entry = Arc::new(Entry::new(record.into_product(&tree)));
            let id = entry.product.id;
            if let Some(seen) = missing.get(&id) {
                self.cache.keep(id, *seen, Arc::clone(&entry));
            }
            found.insert(id, entry);
        }
        Ok(found)
    }

    /// The product of an id.
    pub(crate) async fn load_one(&self, cx: &Context, id: ProductId) -> Result<Option<Arc<Entry>>, Stop> {
        match self.cache.get(id) {
            Some(entry) => Ok(Some(entry)),
            None => Ok(self.load(cx, [id]).await?.remove(&id)),
        }
    }
}

/// The last change, if other nodes may make some.
async fn position(db: &Database, env: &Env) -> Result<Option<Position>, shoal_sql::Error> {
    if db.engine() == Engine::Sqlite {
        return Ok(None);
    }
    let cx = Context::system(env, OPEN_TIME);
    db.read(&cx, async |tx| store::last_change(tx).await).await.map(Some)
}

/// How many rounds of one desk may be on their way.
///
/// On PostgreSQL a second one would wait for the shelves that the first one has locked. On SQLite nobody locks, and
/// rounds that meet share a commit; a round that had to wait for the last one's commit would miss the next one's start
/// (measured: the 99th percentile of a checkout at half load doubles with one, and four are as good as many).
const fn rounds_max(engine: Engine) -> usize {
    match engine {
        Engine::Sqlite => 4,
        Engine::Postgres => 1,
    }
}

/// Whether `caller` may see a product of this status.
pub(crate) fn may_see(caller: &Caller, status: ProductStatus) -> bool {
    status == ProductStatus::Active || caller.has(Role::Staff)
}

/// Passes Shoal's own calls.
///
/// # Errors
/// `Unauthenticated` for an anonymous caller, `Forbidden` for a user.
pub(crate) fn system_only(cx: &Context) -> Result<(), Fault> {
    match cx.caller {
        Caller::System => Ok(()),
        Caller::Anonymous => Err(Fault::Unauthenticated {}),
        Caller::User { .. } => Err(Fault::Forbidden {}),
    }
}

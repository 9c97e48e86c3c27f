//! Products and offers as they were last read, so that a steady shop asks the database nothing.
//!
//! A reader may hold an old product while a writer commits a new one. So a reader notes the generation of the
//! product before it reads, and what it read is kept only if the generation is still the same; a writer raises it
//! after its commit and before its answer.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use quick_cache::Weighter;
use quick_cache::sync::Cache as Map;
use shoal_contract::products::{Offer, Product, ProductId};

use crate::model::{self, Tree};

/// Locks that share the products among them.
const SHARDS: usize = 64;
/// Memory kept for products, roughly; the names take a few percent on top.
const BYTES_MAX: u64 = 48 << 20;
/// A usual product's size, to lay out the cache.
const BYTES_USUAL: u64 = 1 << 10;
/// Slugs and SKUs remembered.
const NAMES_MAX: usize = 100_000;

/// A product with what carts need of it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) product: Arc<Product>,
    offers: OnceLock<Vec<Arc<Offer>>>,
}

impl Entry {
    pub(crate) fn new(product: Product) -> Self {
        Self { product: Arc::new(product), offers: OnceLock::new() }
    }

    /// The offer of one of its SKUs.
    pub(crate) fn offer(&self, sku: &str) -> Option<&Arc<Offer>> {
        let offers = self.offers.get_or_init(|| {
            let variants = self.product.variants.iter();
            variants.map(|variant| Arc::new(model::offer(&self.product, variant))).collect()
        });
        offers.iter().find(|offer| offer.sku == sku)
    }

    /// Its size in memory, roughly.
    fn bytes(&self) -> u64 {
        let product = &self.product;
        let texts = product.title.len() + product.slug.len();
        // An offer repeats the title, the slug and a picture of its product.
        let variants = product.variants.len() * (600 + 2 * texts);
        let options: usize = product.options.iter().map(|option| 40 * option.values.len()).sum();
        let images: usize = product.images.iter().map(|image| 60 + image.url.len() + image.alt.len()).sum();
        let pairs = product.attributes.iter();
        let attributes: usize = pairs.map(|(name, value)| 80 + name.len() + value.len()).sum();
        let path = product.category_path.len() * 120;
        (400 + texts + product.description.len() + variants + options + images + attributes + path) as u64
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<ProductId, Arc<Entry>> for ByBytes {
    fn weight(&self, _: &ProductId, entry: &Arc<Entry>) -> u64 {
        entry.bytes()
    }
}

/// The generation of a product, noted before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(u64);

/// The cache of a house.
pub(crate) struct Cache {
    entries: Map<ProductId, Arc<Entry>, ByBytes>,
    /// Where a name led when it was last looked up. What is found there says whether it still bears the name.
    slugs: Map<Box<str>, ProductId>,
    skus: Map<Box<str>, ProductId>,
    generations: Vec<Mutex<u64>>,
    tree: Mutex<TreeSlot>,
}

#[derive(Default)]
struct TreeSlot {
    generation: u64,
    tree: Option<Arc<Tree>>,
}

impl Cache {
    pub(crate) fn new() -> Self {
        let usual = (BYTES_MAX / BYTES_USUAL) as usize;
        Self {
            entries: Map::with_weighter(usual, BYTES_MAX, ByBytes),
            slugs: Map::new(NAMES_MAX),
            skus: Map::new(NAMES_MAX),
            generations: (0..SHARDS).map(|_| Mutex::new(0)).collect(),
            tree: Mutex::default(),
        }
    }

    /// The product of an id.
    pub(crate) fn get(&self, id: ProductId) -> Option<Arc<Entry>> {
        self.entries.get(&id)
    }

    /// The product that bears a slug.
    pub(crate) fn by_slug(&self, slug: &str) -> Option<Arc<Entry>> {
        let entry = self.get(self.slugs.get(slug)?)?;
        (entry.product.slug == slug).then_some(entry)
    }

    /// The product that has a SKU.
    pub(crate) fn by_sku(&self, sku: &str) -> Option<Arc<Entry>> {
        let entry = self.get(self.skus.get(sku)?)?;
        entry.offer(sku).is_some().then_some(entry)
    }

    /// Notes where a slug led.
    pub(crate) fn note_slug(&self, slug: &str, id: ProductId) {
        self.slugs.insert(slug.into(), id);
    }

    /// Notes where a SKU led.
    pub(crate) fn note_sku(&self, sku: &str, id: ProductId) {
        self.skus.insert(sku.into(), id);
    }

    /// The generation to note before reading the product.
    pub(crate) fn generation(&self, id: ProductId) -> Generation {
        Generation(*lock(self.shard(id)))
    }

    /// Keeps what was read, unless the product was written since `seen`, or another has read a newer version: a commit
    /// is there to be read a moment before its writer raises the generation. What is older than it is forgotten.
    pub(crate) fn keep(&self, id: ProductId, seen: Generation, entry: Arc<Entry>) {
        let generation = lock(self.shard(id));
        let version = entry.product.version;
        let kept = self.entries.peek(&id).map(|kept| kept.product.version);
        if Generation(*generation) == seen {
            if kept.is_none_or(|kept| kept <= version) {
                self.entries.insert(id, entry);
            }
        } else if kept.is_some_and(|kept| kept < version) {
            self.entries.remove(&id);
        }
    }

    /// Forgets a product that was written.
    pub(crate) fn forget(&self, id: ProductId) {
        let mut generation = lock(self.shard(id));
        *generation += 1;
        self.entries.remove(&id);
    }

    /// Forgets the tree, and all products, as each shows its categories.
    pub(crate) fn forget_tree(&self) {
        {
            let mut slot = lock(&self.tree);
            slot.generation += 1;
            slot.tree = None;
        }
        for shard in &self.generations {
            *lock(shard) += 1;
        }
        self.entries.clear();
    }

    /// The tree, if it is known; and the generation to note before reading it.
    pub(crate) fn tree(&self) -> (Generation, Option<Arc<Tree>>) {
        let slot = lock(&self.tree);
        (Generation(slot.generation), slot.tree.clone())
    }

    /// Keeps the tree that was read, unless it was written since `seen`.
    pub(crate) fn keep_tree(&self, seen: Generation, tree: Arc<Tree>) {
        let mut slot = lock(&self.tree);
        if Generation(slot.generation) == seen {
            slot.tree = Some(tree);
        }
    }

    fn shard(&self, id: ProductId) -> &Mutex<u64> {
        // The last bits of an id are random.
        let bits = id.uuid().as_u128();
        &self.generations[(bits % SHARDS as u128) as usize]
    }
}

/// What is guarded stays whole whatever panics elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shoal_contract::products::ProductStatus;
    use shoal_types::Timestamp;

    use super::*;

    fn mug(version: u64) -> Arc<Entry> {
        Arc::new(Entry::new(Product {
            id: ProductId::from_digest([1; 16]),
            slug: "mug".to_owned(),
            title: "Mug".to_owned(),
            description: String::new(),
            brand: None,
            category_path: Vec::new(),
            status: ProductStatus::Active,
            tax_category: "standard".to_owned(),
            options: Vec::new(),
            variants: Vec::new(),
            images: Vec::new(),
            attributes: BTreeMap::new(),
            version,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }))
    }

    #[test]
    fn what_was_read_before_a_write_is_not_kept_after_it() {
        let (cache, id) = (Cache::new(), mug(1).product.id);
        let seen = cache.generation(id);
        cache.forget(id);
        cache.keep(id, seen, mug(1));
        assert!(cache.get(id).is_none());
        cache.keep(id, cache.generation(id), mug(2));
        assert_eq!(cache.get(id).map(|entry| entry.product.version), Some(2));
        let seen = cache.generation(id);
        cache.forget_tree();
        cache.keep(id, seen, mug(2));
        assert!(cache.get(id).is_none());
    }

    #[test]
    fn a_name_that_moved_on_is_not_believed() {
        let (cache, id) = (Cache::new(), mug(1).product.id);
        cache.keep(id, cache.generation(id), mug(1));
        cache.note_slug("mug", id);
        cache.note_slug("cup", id);
        cache.note_sku("MUG", id);
        assert!(cache.by_slug("mug").is_some());
        assert!(cache.by_slug("cup").is_none() && cache.by_sku("MUG").is_none());
    }

    #[test]
    fn an_old_tree_is_not_kept() {
        let cache = Cache::new();
        let (seen, tree) = cache.tree();
        assert!(tree.is_none());
        cache.forget_tree();
        cache.keep_tree(seen, Arc::new(Tree::default()));
        assert!(cache.tree().1.is_none());
    }
}

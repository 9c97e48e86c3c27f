//! Bringing in products, many at a time.
//!
//! What is there is read first and the rows are made ready outside the transaction, which then only writes. If
//! another write came between, its claims and versions say so and all starts over.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use shoal_contract::products::{Error, ImportProducts, Imported, NewProduct, Product, ProductId, VariantId};
use shoal_queue::{Outgoing, append_all};
use shoal_sql::{ReadTx, Tx};
use shoal_types::{Context, Env, Fact, Fault, Timestamp};

use super::writing::{check_tree, finished, first_goods, gone, next, slugs_wanted, store_next};
use crate::error::{Stop, TRIES};
use crate::events::{self, ProductSaid};
use crate::house::{House, system_only};
use crate::model::{self, Identity, Tree};
use crate::store::{self, Audience, NewMovement, NewRows};

/// The most products of one import.
const IMPORT_MAX: usize = 1_000;
/// Events told with one statement.
const EVENTS_MAX: usize = 128;

/// Brings in products.
pub(super) async fn products(
    house: &Arc<House>,
    cx: &Context,
    request: ImportProducts,
) -> Result<Vec<Imported>, Error> {
    system_only(cx)?;
    if request.products.len() > IMPORT_MAX {
        return Err(Fault::invalid("products", "too_long", "expected at most 1000 products").into());
    }
    let (house, cx) = (Arc::clone(house), cx.clone());
    finished(async move {
        let rows = Arc::new(request.products);
        for _ in 0..TRIES {
            let (tree, env) = (house.tree(&cx).await?, house.env.clone());
            let (seen, asked) = (Arc::clone(&tree), Arc::clone(&rows));
            let there = house.db.read(&cx, async move |tx| There::read(tx, &seen, &asked).await).await;
            let plan = match there {
                Ok(there) => Plan::of(&env, &tree, &rows, there),
                Err(Stop::Overtaken) => {
                    house.cache.forget_tree();
                    continue;
                }
                Err(stop) => return Err(stop.into()),
            };
            let (outcomes, updated) = (plan.outcomes.clone(), plan.updated_ids());
            if request.dry_run || plan.is_empty() {
                return Ok(outcomes);
            }
            let audience = house.audience();
            let result =
                house.db.write(&cx, async move |tx| plan.store(tx, audience, &env, &tree).await).await;
            updated.into_iter().for_each(|id| house.cache.forget(id));
            match result {
                Err(Stop::Overtaken) => house.cache.forget_tree(),
                result => return Ok(result.map(|()| outcomes)?),
            }
        }
        Err(Stop::Overtaken.into())
    })
    .await
}

/// A row that does not go in, and why.
pub(super) fn refused(error: &Error, field: Option<&str>) -> Imported {
    let code = error.code().to_owned();
    let violations = error.violations();
    match violations.first() {
        Some(first) => {
            let more = violations.len() - 1;
            let rest = if more == 0 { String::new() } else { format!(" (and {more} more)") };
            Imported::Refused {
                code,
                field: Some(first.field.clone()),
                message: format!("{}{rest}", first.message),
            }
        }
        None => Imported::Refused { code, field: field.map(str::to_owned), message: error.to_string() },
    }
}

/// What is there of the rows' names.
struct There {
    slugs: HashMap<String, ProductId>,
    skus: HashMap<String, ProductId>,
    products: HashMap<ProductId, Product>,
    /// Variants on which pieces are held.
    held: HashSet<VariantId>,
}

impl There {
    async fn read(tx: &mut ReadTx, tree: &Tree, rows: &[NewProduct]) -> Result<Self, Stop> {
        check_tree(tx, tree).await?;
        let wanted: Vec<String> = rows.iter().flat_map(slugs_wanted).collect();
        let skus = rows.iter().flat_map(|row| &row.variants).map(|variant| variant.sku.as_str());
        let skus: Vec<&str> = skus.collect();
        let slugs = store::owners_of_slugs(tx, wanted.iter().map(String::as_str)).await?;
        let mut owned = Vec::new();
        // A thousand products may have more SKUs than a statement has parameters.
        for skus in skus.chunks(IMPORT_MAX) {
            owned.extend(store::owners_of_skus(tx, skus.iter().copied()).await?);
        }
        let ids: HashSet<ProductId> = slugs.iter().chain(&owned).map(|(_, id)| *id).collect();
        let ids: Vec<ProductId> = ids.into_iter().collect();
        let mut products = HashMap::new();
        for ids in ids.chunks(IMPORT_MAX) {
            let records = store::load(tx, ids).await?.into_iter();
            products.extend(records.map(|record| (record.id(), record.into_product(tree))));
        }
        let held = held(tx, rows, &products).await?;
        Ok(Self { slugs: slugs.into_iter().collect(), skus: owned.into_iter().collect(), products, held })
    }
}

/// Of the variants that no row mentions any more, those on which pieces are held.
async fn held(
    tx: &mut ReadTx,
    rows: &[NewProduct],
    products: &HashMap<ProductId, Product>,
) -> Result<HashSet<VariantId>, Stop> {
    let kept = rows.iter().flat_map(|row| &row.variants).map(|variant| variant.sku.as_str());
    let kept: HashSet<&str> = kept.collect();
    let variants = products.values().flat_map(|product| &product.variants);
    let gone = variants.filter(|variant| !kept.contains(variant.sku.as_str())).map(|variant| variant.id);
    let gone: Vec<VariantId> = gone.collect();
    let mut held = HashSet::new();
    for variants in gone.chunks(IMPORT_MAX) {
        let shelves = store::shelves(tx, variants.iter().copied()).await?.into_iter();
        held.extend(shelves.filter(|shelf| shelf.counted.reserved > 0).map(|shelf| shelf.variant));
    }
    Ok(held)
}

/// A product that changes.
struct Update {
    old: Product,
    new: Product,
    received: Vec<NewMovement>,
}

/// What becomes of each row, and all that is to be written.
struct Plan {
    outcomes: Vec<Imported>,
    added: NewRows,
    said: Vec<Outgoing<ProductSaid>>,
    updates: Vec<Update>,
}

impl Plan {
    fn of(env: &Env, tree: &Tree, rows: &[NewProduct], there: There) -> Self {
        let mut planner = Planner { env, tree, there, now: env.now(), plan: Self::empty() };
        for row in rows {
            let outcome = planner.place(row).unwrap_or_else(|refusal| refusal);
            planner.plan.outcomes.push(outcome);
        }
        planner.plan
    }

    fn empty() -> Self {
        Self { outcomes: Vec::new(), added: NewRows::default(), said: Vec::new(), updates: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.said.is_empty() && self.updates.is_empty()
    }

    fn updated_ids(&self) -> Vec<ProductId> {
        self.updates.iter().map(|update| update.new.id).collect()
    }

    async fn store(&self, tx: &mut Tx, audience: Audience, env: &Env, tree: &Tree) -> Result<(), Stop> {
        check_tree(tx, tree).await?;
        self.added.insert(tx).await?;
        for said in self.said.chunks(EVENTS_MAX) {
            append_all(tx, said, env).await?;
        }
        for Update { old, new, received } in &self.updates {
            match store_next(tx, env, old, new, received).await {
                // Pieces were held after the plan was made: the next plan refuses the row.
                Err(Stop::Refused(Error::VariantInUse { .. })) => return Err(Stop::Overtaken),
                result => result?,
            }
        }
        let added = self.said.iter().map(|said| ProductId::from_uuid(said.aggregate));
        store::tell(tx, audience, env, tree.version(), added.chain(self.updated_ids())).await
    }
}

/// Makes a plan, row by row. What a row claims is taken for the rows after it.
struct Planner<'p> {
    env: &'p Env,
    tree: &'p Tree,
    there: There,
    now: Timestamp,
    plan: Plan,
}

impl Planner<'_> {
    fn place(&mut self, row: &NewProduct) -> Result<Imported, Imported> {
        model::check_fit(row).map_err(|fault| refused(&fault.into(), None))?;
        let path = match &row.category {
            Some(slug) => {
                let category = self.tree.find(slug).map_err(|error| refused(&error, Some("category")))?;
                self.tree.path(category.id)
            }
            None => Vec::new(),
        };
        let owner = self.owner(row);
        self.check_skus(row, owner)?;
        let Some(id) = owner else {
            let slug = self.free_slug(row)?;
            let identity =
                Identity { id: self.env.id(), version: 1, created_at: self.now, updated_at: self.now };
            let env = self.env;
            let product = model::written(row.clone(), identity, slug, path, |_| env.id());
            let received = first_goods(env, row, &product, self.now);
            self.plan.added.add_product(&product, &received);
            self.plan.said.push(events::created(&product));
            self.claim(&product);
            return Ok(Imported::Created);
        };
        // A row further up has made it, or changed it: the same product twice in one file is a mistake in the file.
        let Some(old) = self.there.products.remove(&id) else { return Err(named_twice(row)) };
        let slug = row.slug.clone().unwrap_or_else(|| old.slug.clone());
        let new = next(self.env, &old, row.clone(), slug, path, self.now);
        let in_use = gone(&old, &new).into_iter().find(|variant| self.there.held.contains(variant));
        if let Some(variant) = old.variants.iter().find(|variant| Some(variant.id) == in_use) {
            let error = Error::VariantInUse { sku: variant.sku.clone() };
            return Err(refused(&error, Some("variants")));
        }
        let received = first_goods(self.env, row, &new, self.now);
        if same(&old, &new) {
            return Ok(Imported::Unchanged);
        }
        self.claim(&new);
        self.plan.updates.push(Update { old, new, received });
        Ok(Imported::Updated)
    }

    /// The product a row means: the one of its slug, or of its first SKU that is known.
    fn owner(&self, row: &NewProduct) -> Option<ProductId> {
        match &row.slug {
            Some(slug) => self.there.slugs.get(slug).copied(),
            None => row.variants.iter().find_map(|variant| self.there.skus.get(&variant.sku)).copied(),
        }
    }

    fn check_skus(&self, row: &NewProduct, owner: Option<ProductId>) -> Result<(), Imported> {
        for (index, variant) in row.variants.iter().enumerate() {
            let taken = self.there.skus.get(&variant.sku).is_some_and(|other| Some(*other) != owner);
            if taken {
                let error = Error::SkuTaken { sku: variant.sku.clone() };
                return Err(refused(&error, Some(&format!("variants[{index}].sku"))));
            }
        }
        Ok(())
    }

    fn free_slug(&self, row: &NewProduct) -> Result<String, Imported> {
        let mut wanted = slugs_wanted(row);
        if let Some(free) = wanted.iter().position(|slug| !self.there.slugs.contains_key(slug)) {
            return Ok(wanted.swap_remove(free));
        }
        let slug = wanted.pop().unwrap_or_default();
        Err(refused(&Error::SlugTaken { slug }, Some("slug")))
    }

    fn claim(&mut self, product: &Product) {
        self.there.slugs.insert(product.slug.clone(), product.id);
        let skus = product.variants.iter().map(|variant| (variant.sku.clone(), product.id));
        self.there.skus.extend(skus);
    }
}

fn named_twice(row: &NewProduct) -> Imported {
    match (&row.slug, row.variants.first()) {
        (None, Some(variant)) => {
            let error = Error::SkuTaken { sku: variant.sku.clone() };
            refused(&error, Some("variants[0].sku"))
        }
        (slug, _) => refused(&Error::SlugTaken { slug: slug.clone().unwrap_or_default() }, Some("slug")),
    }
}

/// Whether nothing but the version and the time differs.
fn same(old: &Product, new: &Product) -> bool {
    let Product { version, updated_at, .. } = *old;
    let aged = Product { version, updated_at, ..new.clone() };
    aged == *old
}

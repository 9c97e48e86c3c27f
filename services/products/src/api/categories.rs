//! The category tree.

use std::collections::HashSet;
use std::sync::Arc;

use shoal_contract::check;
use shoal_contract::products::{
    Category, CategoryId, CategoryRef, Error, ImportCategories, Imported, NewCategory, ReplaceCategory,
};
use shoal_queue::{append, once};
use shoal_sql::Tx;
use shoal_types::{Context, Env, Fault, Role};

use super::import::refused;
use super::writing::{check_tree, finished};
use crate::error::{Stop, TRIES};
use crate::events;
use crate::house::{House, system_only};
use crate::model::Tree;
use crate::store::{self, Audience, Move};

/// The most categories of one import.
const IMPORT_MAX: usize = 10_000;

/// The whole tree.
pub(super) async fn list(house: &House, cx: &Context) -> Result<Vec<Category>, Error> {
    house.hear(cx).await?;
    Ok(house.tree(cx).await?.listed().to_vec())
}

/// Adds a category.
pub(super) async fn create(house: &Arc<House>, cx: &Context, new: NewCategory) -> Result<Category, Error> {
    cx.caller.require(Role::Staff)?;
    check(&new)?;
    let (house, cx) = (Arc::clone(house), cx.clone());
    finished(async move {
        for _ in 0..TRIES {
            let (tree, env, new) = (house.tree(&cx).await?, house.env.clone(), new.clone());
            let audience = house.audience();
            let body = async move |tx: &mut Tx| {
                check_tree(tx, &tree).await?;
                check_room(&tree, 1)?;
                let category = tree.placed(env.id(), new.clone())?;
                let changes = Changes { added: vec![category.clone()], ..Changes::default() };
                changes.store(tx, audience, &env, &tree).await?;
                Ok::<_, Stop>(category)
            };
            let result = once(&house.db, &cx, &house.env, "create_category", body).await;
            house.cache.forget_tree();
            if !matches!(result, Err(Stop::Overtaken)) {
                return Ok(result?);
            }
        }
        Err(Stop::Overtaken.into())
    })
    .await
}

/// Renames or moves a category.
pub(super) async fn replace(
    house: &Arc<House>,
    cx: &Context,
    request: ReplaceCategory,
) -> Result<Category, Error> {
    cx.caller.require(Role::Staff)?;
    check(&request.category)?;
    let (house, cx) = (Arc::clone(house), cx.clone());
    finished(async move {
        for _ in 0..TRIES {
            let (tree, env, request) = (house.tree(&cx).await?, house.env.clone(), request.clone());
            let (audience, fresh) = (house.audience(), Arc::clone(&house.fresh));
            let body = async move |tx: &mut Tx| {
                check_tree(tx, &tree).await?;
                let old = known(&tree, request.id)?.clone();
                let category = tree.placed(request.id, request.category.clone())?;
                if category != old {
                    let mut after = (*tree).clone();
                    after.put(category.clone());
                    let mut changes = Changes::default();
                    changes.change(&tree, &after, old, category.clone());
                    let version = changes.store(tx, audience, &env, &tree).await?;
                    fresh.note(events::TREE.uuid(), version);
                }
                Ok::<_, Stop>(category)
            };
            let result = once(&house.db, &cx, &house.env, "replace_category", body).await;
            house.cache.forget_tree();
            if !matches!(result, Err(Stop::Overtaken)) {
                return Ok(result?);
            }
        }
        Err(Stop::Overtaken.into())
    })
    .await
}

/// Removes a category that nothing needs.
pub(super) async fn remove(house: &Arc<House>, cx: &Context, which: CategoryRef) -> Result<(), Error> {
    cx.caller.require(Role::Staff)?;
    let (house, cx) = (Arc::clone(house), cx.clone());
    finished(async move {
        for _ in 0..TRIES {
            let (tree, env, audience) = (house.tree(&cx).await?, house.env.clone(), house.audience());
            let body = async move |tx: &mut Tx| {
                check_tree(tx, &tree).await?;
                let category = known(&tree, which.id)?;
                // From here on no product comes into it.
                Changes::default().store(tx, audience, &env, &tree).await?;
                if tree.has_children(which.id) || store::category_has_products(tx, which.id).await? {
                    return Err(Error::CategoryInUse {}.into());
                }
                Ok(store::remove_category(tx, category).await?)
            };
            let result = house.db.write(&cx, body).await;
            house.cache.forget_tree();
            if !matches!(result, Err(Stop::Overtaken)) {
                return Ok(result?);
            }
        }
        Err(Stop::Overtaken.into())
    })
    .await
}

fn known(tree: &Tree, id: CategoryId) -> Result<&Category, Error> {
    tree.get(id).ok_or_else(|| Error::UnknownCategory { slug: id.to_string() })
}

fn check_room(tree: &Tree, more: usize) -> Result<(), Fault> {
    let max = store::CATEGORIES_MAX as usize;
    if tree.len() + more <= max {
        return Ok(());
    }
    Err(Fault::invalid("slug", "too_many", format!("a shop has at most {max} categories")))
}

/// What is written to a tree at once.
#[derive(Debug, Default)]
struct Changes {
    added: Vec<Category>,
    changed: Vec<(Category, Category)>,
    moves: Vec<Move>,
}

impl Changes {
    /// Notes that `old` becomes `new` on the way from the tree `before` to `after`.
    fn change(&mut self, before: &Tree, after: &Tree, old: Category, new: Category) {
        let above = |tree: &Tree| tree.lineage(new.id).split_off(1);
        self.moves.push(Move { category: new.id, from: above(before), to: above(after) });
        self.changed.push((old, new));
    }

    /// Stores the changes to `tree`, counts them as one, and tells of them; the tree's version after them.
    async fn store(&self, tx: &mut Tx, audience: Audience, env: &Env, tree: &Tree) -> Result<u64, Stop> {
        let changed = self.changed.iter().map(|(_, new)| new.id);
        let version = store::tell_of_tree(tx, audience, env, tree.version(), changed).await?;
        store::add_categories(tx, &self.added).await?;
        for (old, new) in &self.changed {
            store::update_category(tx, old, new).await?;
        }
        store::move_products(tx, &self.moves).await?;
        let changed: Vec<Category> = self.changed.iter().map(|(_, new)| new.clone()).collect();
        append(tx, &events::categories_changed(version, &changed), env).await?;
        Ok(version)
    }
}

/// Brings in categories.
pub(super) async fn import(
    house: &Arc<House>,
    cx: &Context,
    request: ImportCategories,
) -> Result<Vec<Imported>, Error> {
    system_only(cx)?;
    if request.categories.len() > IMPORT_MAX {
        return Err(Fault::invalid("categories", "too_long", "expected at most 10000 categories").into());
    }
    let (house, cx) = (Arc::clone(house), cx.clone());
    finished(async move {
        for _ in 0..TRIES {
            let (tree, env, audience) = (house.tree(&cx).await?, house.env.clone(), house.audience());
            let (outcomes, changes) = plan(&env, &tree, &request.categories);
            if request.dry_run || (changes.added.is_empty() && changes.changed.is_empty()) {
                return Ok(outcomes);
            }
            let body = async move |tx: &mut Tx| {
                check_tree(tx, &tree).await?;
                changes.store(tx, audience, &env, &tree).await
            };
            let result = house.db.write(&cx, body).await;
            house.cache.forget_tree();
            match result {
                Err(Stop::Overtaken) => {}
                result => return Ok(result.map(|_| outcomes)?),
            }
        }
        Err(Stop::Overtaken.into())
    })
    .await
}

/// What becomes of each row, and all that is to be written.
fn plan(env: &Env, tree: &Tree, rows: &[NewCategory]) -> (Vec<Imported>, Changes) {
    let mut after = tree.clone();
    let mut touched: Vec<CategoryId> = Vec::new();
    let mut outcomes = Vec::with_capacity(rows.len());
    for row in rows {
        outcomes.push(match place(env, &mut after, row) {
            Ok((id, outcome)) => {
                if outcome != Imported::Unchanged {
                    touched.push(id);
                }
                outcome
            }
            Err(error) => refused(&error, Some("parent")),
        });
    }
    let (mut changes, mut seen) = (Changes::default(), HashSet::new());
    for id in touched.into_iter().filter(|id| seen.insert(*id)) {
        let Some(new) = after.get(id).cloned() else { continue };
        match tree.get(id).cloned() {
            None => changes.added.push(new),
            Some(old) if old != new => changes.change(tree, &after, old, new),
            Some(_) => {}
        }
    }
    (outcomes, changes)
}

fn place(env: &Env, tree: &mut Tree, row: &NewCategory) -> Result<(CategoryId, Imported), Error> {
    check(row)?;
    let old = tree.find(&row.slug).ok().cloned();
    if old.is_none() {
        check_room(tree, 1)?;
    }
    let id = old.as_ref().map_or_else(|| env.id(), |old| old.id);
    let category = tree.placed(id, row.clone())?;
    let outcome = match old {
        None => Imported::Created,
        Some(old) if old == category => return Ok((id, Imported::Unchanged)),
        Some(_) => Imported::Updated,
    };
    tree.put(category);
    Ok((id, outcome))
}

//! The category tree, and which products lie where.

use shoal_contract::products::{Category, CategoryId};
use shoal_sql::{Error, FromRow, ReadTx, Row, Tx, Value, params};

use crate::error::Stop;
use crate::events::TREE;
use crate::model::Tree;

shoal_sql::statements! {
    pub(crate) mod sql {
        LIST_CATEGORIES = "select category_id, slug, title, parent_id, position from categories limit $1";
        TREE_VERSION = "select version from category_trees where tree_id = $1";
        ADD_CATEGORIES = "insert into categories (category_id, slug, title, parent_id, position)
            values {rows:5}";
        CLAIM_CATEGORY_SLUGS = "insert into category_slugs (slug, category_id) values {rows:2}";
        GIVE_UP_CATEGORY_SLUG = "delete from category_slugs where category_id = $1 and slug = $2";
        UPDATE_CATEGORY = include_str!("update_category.sql");
        REMOVE_CATEGORY = "delete from categories where category_id = $1";
        CATEGORY_HAS_PRODUCTS = "select 1 from product_categories where category_id = $1 limit 1";
        TAKE_PRODUCTS_OUT = include_str!("take_products_out.sql");
        BRING_PRODUCTS_IN = include_str!("bring_products_in.sql");
    }
}

/// Rows of one statement.
const ROWS_MAX: usize = 128;
/// The rules that say another category was there first.
const CLAIMS: &[&str] = &["category_slugs.slug", "categories.category_id"];
/// The most categories of a shop; far beyond the largest public taxonomies.
pub(crate) const CATEGORIES_MAX: i64 = 50_000;

impl FromRow for CategoryRow {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self(Category {
            id: row.get(0)?,
            slug: row.get(1)?,
            title: row.get(2)?,
            parent: row.get(3)?,
            position: row.get(4)?,
        }))
    }
}

struct CategoryRow(Category);

fn category_row(category: &Category) -> [Value; 5] {
    params![category.id, &category.slug, &category.title, category.parent, category.position]
}

/// The whole tree.
pub(crate) async fn load_tree(tx: &mut ReadTx) -> Result<Tree, Error> {
    let version = tree_version(tx).await?;
    let categories: Vec<CategoryRow> = tx.list(sql::LIST_CATEGORIES, params![CATEGORIES_MAX]).await?;
    Ok(Tree::new(version, categories.into_iter().map(|CategoryRow(category)| category).collect()))
}

/// How often the tree was changed.
pub(crate) async fn tree_version(tx: &mut ReadTx) -> Result<u64, Error> {
    Ok(tx.find(sql::TREE_VERSION, params![TREE.uuid()]).await?.unwrap_or(0))
}

/// Adds categories and claims their slugs.
///
/// # Errors
/// `Overtaken` if another category has one of the slugs.
pub(crate) async fn add_categories(tx: &mut Tx, categories: &[Category]) -> Result<(), Stop> {
    for chunk in categories.chunks(ROWS_MAX) {
        let rows: Vec<_> = chunk.iter().map(category_row).collect();
        let added = tx.execute_rows(sql::ADD_CATEGORIES, params![], &rows).await;
        added.map_err(|error| Stop::overtaken(error, CLAIMS))?;
        claim_slugs(tx, chunk).await?;
    }
    Ok(())
}

async fn claim_slugs(tx: &mut Tx, categories: &[Category]) -> Result<(), Stop> {
    let rows: Vec<_> = categories.iter().map(|category| params![&category.slug, category.id]).collect();
    let claimed = tx.execute_rows(sql::CLAIM_CATEGORY_SLUGS, params![], &rows).await;
    claimed.map(|_| ()).map_err(|error| Stop::overtaken(error, CLAIMS))
}

/// Writes a category anew.
///
/// # Errors
/// `Overtaken` if it is gone, or another category has the slug.
pub(crate) async fn update_category(tx: &mut Tx, old: &Category, new: &Category) -> Result<(), Stop> {
    if tx.execute(sql::UPDATE_CATEGORY, category_row(new)).await? != 1 {
        return Err(Stop::Overtaken);
    }
    if old.slug != new.slug {
        tx.execute(sql::GIVE_UP_CATEGORY_SLUG, params![old.id, &old.slug]).await?;
        claim_slugs(tx, std::slice::from_ref(new)).await?;
    }
    Ok(())
}

/// Removes a category and its slug.
pub(crate) async fn remove_category(tx: &mut Tx, category: &Category) -> Result<(), Error> {
    tx.execute(sql::GIVE_UP_CATEGORY_SLUG, params![category.id, &category.slug]).await?;
    tx.execute(sql::REMOVE_CATEGORY, params![category.id]).await.map(|_| ())
}

/// Whether a product lies in the category or below it.
pub(crate) async fn category_has_products(tx: &mut ReadTx, id: CategoryId) -> Result<bool, Error> {
    Ok(tx.find::<i64>(sql::CATEGORY_HAS_PRODUCTS, params![id]).await?.is_some())
}

/// A category with those above it, before and after.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) category: CategoryId,
    pub(crate) from: Vec<CategoryId>,
    pub(crate) to: Vec<CategoryId>,
}

/// Takes the products in and below moved categories out of those that are not above them any more, and brings them
/// into those that are now. The statements grow with the depth of the tree, not with the products.
pub(crate) async fn move_products(tx: &mut Tx, moves: &[Move]) -> Result<(), Error> {
    for Move { category, from, to } in moves {
        for above in from.iter().filter(|above| !to.contains(above)) {
            tx.execute(sql::TAKE_PRODUCTS_OUT, params![*category, *above]).await?;
        }
    }
    // Another category's move may have taken products out that belong there still, hence all of them.
    for Move { category, to, .. } in moves.iter().filter(|moved| moved.from != moved.to) {
        for above in to {
            tx.execute(sql::BRING_PRODUCTS_IN, params![*category, *above]).await?;
        }
    }
    Ok(())
}

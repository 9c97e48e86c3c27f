//! Full-text search: the index finds, the house shows.

use std::sync::Arc;

use shoal_contract::products::{Error, ProductId, ProductStatus, Search, SearchHit, SearchResults};
use shoal_search::Hit;
use shoal_types::{Context, Fault};

use crate::cache::Entry;
use crate::house::House;
use crate::index;

/// The longest text, in characters.
const TEXT_CHARS_MAX: usize = 200;
/// The most makers of one search.
const BRANDS_MAX: usize = 100;
/// The furthest first hit.
const OFFSET_MAX: u32 = 1_000;

/// Searches the active products.
pub(super) async fn search(house: &House, cx: &Context, search: Search) -> Result<SearchResults, Error> {
    check(&search)?;
    house.catch_up(cx).await?;
    let path = match &search.category {
        Some(slug) => {
            let tree = house.tree(cx).await?;
            let crumbs = tree.path(tree.find(slug)?.id);
            let slugs: Vec<&str> = crumbs.iter().map(|crumb| crumb.slug.as_str()).collect();
            Some(slugs.join("/"))
        }
        None => None,
    };
    let currency = search.currency.unwrap_or(house.currency);
    let query = index::query(&search, path.as_deref(), currency, house.currency)?;
    let found = house.index.search(query).await.map_err(Fault::from)?;
    let ids = found.hits.iter().filter_map(|hit| hit.key.parse::<ProductId>().ok());
    let entries = house.load(cx, ids).await?;
    let hits = found.hits.iter().filter_map(|hit| {
        let entry = entries.get(&hit.key.parse().ok()?)?;
        // The index follows the shop by a moment.
        (entry.product.status == ProductStatus::Active).then(|| shown(hit, entry))
    });
    Ok(SearchResults {
        hits: hits.collect(),
        total: found.total as u64,
        relaxed: found.relaxed,
        facets: index::facets(found.facets),
    })
}

fn check(search: &Search) -> Result<(), Fault> {
    if search.text.chars().count() > TEXT_CHARS_MAX {
        return Err(Fault::invalid("text", "too_long", "expected at most 200 characters"));
    }
    if search.brands.len() > BRANDS_MAX {
        return Err(Fault::invalid("brands", "too_long", "expected at most 100 brands"));
    }
    if search.offset > OFFSET_MAX {
        return Err(Fault::invalid("offset", "range", "expected at most 1000"));
    }
    Ok(())
}

fn shown(hit: &Hit, entry: &Entry) -> SearchHit {
    let marked = |field| {
        let text = hit.highlights.iter().find(|(name, _)| *name == field);
        text.map(|(_, html)| html.clone())
    };
    SearchHit {
        product: Arc::clone(&entry.product),
        title_html: marked("title").unwrap_or_else(|| index::escaped(&entry.product.title)),
        description_html: marked("description"),
    }
}

//! Pages of products.

use std::sync::Arc;

use shoal_contract::products::{Error, ListProducts, Product, ProductSort, ProductStatus};
use shoal_types::{Context, Cursor, Fault, Page, Role};

use crate::error::Stop;
use crate::house::{House, may_see};
use crate::store::{self, ListFilter, ListKey, Listed};

/// A page of products. Customers get active ones whatever they ask for.
pub(super) async fn list(
    house: &House,
    cx: &Context,
    asked: ListProducts,
) -> Result<Page<Arc<Product>>, Error> {
    use ProductStatus::{Active, Archived, Draft};
    let statuses = match asked.status {
        _ if !cx.caller.has(Role::Staff) => vec![Active],
        Some(status) => vec![status],
        None => vec![Draft, Active, Archived],
    };
    house.hear(cx).await?;
    let category = match &asked.category {
        Some(slug) => Some(house.tree(cx).await?.find(slug)?.id),
        None => None,
    };
    let bounded = asked.price_min.is_some() || asked.price_max.is_some();
    let bounds = (asked.price_min.unwrap_or(i64::MIN), asked.price_max.unwrap_or(i64::MAX));
    let (sort, limit) = (asked.sort, asked.page.limit);
    let filter = ListFilter {
        sort,
        category,
        brand: asked.brand,
        currency: asked.currency.unwrap_or(house.currency),
        prices: bounded.then_some(bounds),
        after: None,
        limit,
    };
    let cursor = asked.page.cursor;
    let body = async move |tx: &mut shoal_sql::ReadTx| {
        let after = match &cursor {
            Some(cursor) => Some(place(tx, sort, cursor).await?),
            None => None,
        };
        let filter = ListFilter { after, ..filter.clone() };
        let mut rows = Vec::new();
        for status in &statuses {
            rows.extend(store::list_keys(tx, &filter, *status).await?);
        }
        Ok::<_, Stop>(rows)
    };
    let mut rows = house.db.read(cx, body).await?;
    rows.sort_by(|a, b| match sort {
        ProductSort::Newest | ProductSort::PriceHigh => (&b.key, b.id).cmp(&(&a.key, a.id)),
        ProductSort::Title | ProductSort::PriceLow => (&a.key, a.id).cmp(&(&b.key, b.id)),
    });
    let page = Page::cut(rows, limit, |listed| cursor_after(sort, listed));
    let loaded = house.load(cx, page.items.iter().map(|listed| listed.id)).await?;
    // What was read a moment later may have left the shop meanwhile.
    let shown = page.items.iter().filter_map(|listed| loaded.get(&listed.id));
    let shown = shown.filter(|entry| may_see(&cx.caller, entry.product.status));
    Ok(Page { items: shown.map(|entry| Arc::clone(&entry.product)).collect(), next: page.next })
}

/// A title may be longer than a cursor, so its id stands for it.
fn cursor_after(sort: ProductSort, listed: &Listed) -> Cursor {
    let id = listed.id.to_string();
    match &listed.key {
        ListKey::Time | ListKey::Title(_) => Cursor::after(&[word(sort), &id]),
        ListKey::Amount(amount) => Cursor::after(&[word(sort), &id, &amount.to_string()]),
    }
}

/// Reads where a page ended.
async fn place(tx: &mut shoal_sql::ReadTx, sort: ProductSort, cursor: &Cursor) -> Result<Listed, Stop> {
    let foreign = || Fault::invalid("cursor", "cursor", "expected the `next` value of an earlier page");
    let by_price = matches!(sort, ProductSort::PriceLow | ProductSort::PriceHigh);
    let [own, id, amount] = if by_price {
        cursor.keys::<3>()?
    } else {
        let [own, id] = cursor.keys::<2>()?;
        [own, id, String::new()]
    };
    let id = id.parse().ok().filter(|_| own == word(sort)).ok_or_else(foreign)?;
    let key = match sort {
        ProductSort::Newest => ListKey::Time,
        ProductSort::Title => ListKey::Title(store::title_of(tx, id).await?.ok_or_else(foreign)?),
        ProductSort::PriceLow | ProductSort::PriceHigh => {
            ListKey::Amount(amount.parse().map_err(|_| foreign())?)
        }
    };
    Ok(Listed { id, key })
}

/// Cursors of one order do not serve another.
const fn word(sort: ProductSort) -> &'static str {
    match sort {
        ProductSort::Newest => "newest",
        ProductSort::Title => "title",
        ProductSort::PriceLow => "price_low",
        ProductSort::PriceHigh => "price_high",
    }
}

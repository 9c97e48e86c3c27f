//! The search index: what of a product is found, and how a search is asked and answered.

use shoal_contract::products::{
    CategoryId, Facet, FacetCount, Product, ProductId, ProductStatus, Search, SearchSort,
};
use shoal_search::{Change, Document, FacetCounts, FacetRequest, Filter, Query, Schema, Sort};
use shoal_types::{Context, Currency, Fault};
use uuid::Uuid;

use crate::error::Stop;
use crate::house::House;
use crate::model::{Tree, lowest_prices};
use crate::store::{self, Record};

/// The currencies whose prices can be filtered and sorted by, besides the shop's. A field without values costs
/// nothing.
const CURRENCIES: &[&str] = &[
    "AED", "ARS", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP", "EUR", "GBP",
    "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KRW", "KWD", "MAD", "MXN", "MYR", "NGN", "NOK", "NZD",
    "PEN", "PHP", "PLN", "RON", "RSD", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "VND", "ZAR",
];
/// Products read and indexed at a time.
const BATCH: u16 = 500;
/// Values listed of a facet.
const FACET_VALUES_MAX: usize = 50;
/// Bits of a document's version that count changes to the tree; the product's own version stands above them.
const TREE_BITS: u32 = 24;
/// What the index notes once it was filled.
const FILLED: &str = "filled";

/// The fields of the index.
pub(crate) fn schema(currency: Currency) -> Schema {
    let mut schema = Schema::builder()
        .english()
        .text("title", 5.0)
        .text("sku", 4.0)
        .text("maker", 3.0)
        .text("categories", 2.0)
        .text("details", 1.5)
        .text("description", 1.0)
        .keyword("brand")
        .path("category")
        .attributes("options")
        .number("created");
    let known = CURRENCIES.iter().filter_map(|code| code.parse::<Currency>().ok());
    let mut all: Vec<Currency> = known.chain([currency]).collect();
    all.sort_unstable();
    all.dedup();
    for currency in all {
        schema = schema.number(currency.code());
    }
    schema.build()
}

fn document(product: &Product, version: i64) -> Document {
    let mut document = Document::new(product.id.to_string(), version)
        .text("title", &product.title)
        .text("description", &product.description)
        .number("created", product.created_at.as_micros());
    if let Some(brand) = &product.brand {
        document = document.text("maker", brand).keyword("brand", brand);
    }
    for crumb in &product.category_path {
        document = document.text("categories", &crumb.title);
    }
    document = document.path("category", &slug_path(product));
    for variant in &product.variants {
        document = document.text("sku", &variant.sku);
        for (name, value) in &variant.options {
            document = document.attribute("options", name, value).text("details", value);
        }
    }
    for value in product.attributes.values() {
        document = document.text("details", value);
    }
    for (currency, amount) in lowest_prices(product) {
        document = document.number(currency.code(), amount);
    }
    document
}

/// `home/kitchen`.
fn slug_path(product: &Product) -> String {
    let slugs: Vec<&str> = product.category_path.iter().map(|crumb| crumb.slug.as_str()).collect();
    slugs.join("/")
}

/// What a product as stored, seen through `tree`, means for the index.
fn change(record: Record, tree: &Tree) -> Change {
    let product = record.into_product(tree);
    let tree_mask = (1_u64 << TREE_BITS) - 1;
    let version = product.version << TREE_BITS | tree.version().min(tree_mask);
    let version = i64::try_from(version).unwrap_or(i64::MAX);
    if product.status == ProductStatus::Active {
        Change::Put(document(&product, version))
    } else {
        Change::Remove { key: product.id.to_string(), version }
    }
}

/// The query of a search in the category of `path`.
///
/// # Errors
/// `Invalid` for prices in a currency that is not indexed.
pub(crate) fn query(
    search: &Search,
    path: Option<&str>,
    currency: Currency,
    shop: Currency,
) -> Result<Query, Fault> {
    let by_price = matches!(search.sort, SearchSort::PriceLow | SearchSort::PriceHigh);
    let bounded = search.price_min.is_some() || search.price_max.is_some();
    let code = currency.code();
    if (by_price || bounded) && currency != shop && !CURRENCIES.contains(&code) {
        let message = format!("prices in {code} cannot be searched");
        return Err(Fault::invalid("currency", "unknown_currency", message));
    }
    let mut categories = FacetRequest::new("category").limit(FACET_VALUES_MAX);
    if let Some(path) = path {
        categories = categories.under(path);
    }
    let mut query = Query::new(search.text.as_str())
        .facet(FacetRequest::new("brand").limit(FACET_VALUES_MAX))
        .facet(categories)
        .facet(FacetRequest::new("options").limit(FACET_VALUES_MAX))
        .sort(match search.sort {
            // Without words nothing is more relevant than another, so the newest come first.
            SearchSort::Relevance if !search.text.trim().is_empty() => Sort::Relevance,
            SearchSort::Relevance | SearchSort::Newest => Sort::Descending("created"),
            SearchSort::PriceLow => Sort::Ascending(code),
            SearchSort::PriceHigh => Sort::Descending(code),
        })
        .offset(search.offset as usize)
        .limit(search.limit.get())
        .highlight();
    if let Some(path) = path {
        query = query.filter(Filter::AnyOf { field: "category", values: vec![path.to_owned()] });
    }
    if !search.brands.is_empty() {
        query = query.filter(Filter::AnyOf { field: "brand", values: search.brands.clone() });
    }
    if bounded {
        query = query.filter(Filter::Range { field: code, min: search.price_min, max: search.price_max });
    }
    Ok(query)
}

/// The counts as callers see them; fields without any are left out.
pub(crate) fn facets(counts: Vec<FacetCounts>) -> Vec<Facet> {
    let shown = counts.into_iter().filter(|counts| !counts.values.is_empty());
    shown
        .map(|counts| Facet {
            field: counts.attribute.unwrap_or_else(|| counts.field.to_owned()),
            values: counts
                .values
                .into_iter()
                .map(|value| FacetCount { value: value.value, count: value.count as u64 })
                .collect(),
        })
        .collect()
}

/// Text as HTML.
pub(crate) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(letter),
        }
    }
    html
}

impl House {
    /// Brings these products into the index, or out of it, as they are stored now; they are found when it answers.
    pub(crate) async fn index_products(&self, cx: &Context, ids: Vec<ProductId>) -> Result<(), Fault> {
        for ids in ids.chunks(usize::from(BATCH)) {
            self.apply(cx, ids.to_vec()).await?;
        }
        self.flush_index().await
    }

    /// Indexes the products in a category and below it anew: they show its title and path.
    pub(crate) async fn index_category(&self, cx: &Context, category: CategoryId) -> Result<(), Fault> {
        let mut after = ProductId::from_uuid(Uuid::nil());
        loop {
            let members = self
                .db
                .read(cx, async move |tx| store::list_category_members(tx, category, after, BATCH).await);
            let members: Vec<ProductId> = members.await.map_err(Fault::from)?;
            let Some(last) = members.last() else { break };
            after = *last;
            self.apply(cx, members).await?;
        }
        self.flush_index().await
    }

    /// Waits until what was taken in can be found; at once where a search may wait for it.
    async fn flush_index(&self) -> Result<(), Fault> {
        if self.following.is_some() || self.fresh.is_awaited() {
            self.index.flush_now().await?;
        } else {
            self.index.flush().await?;
        }
        Ok(())
    }

    /// Reads from the database, not the cache: a change is told of as soon as it is committed, which is before the
    /// cache has forgotten the old product.
    async fn apply(&self, cx: &Context, ids: Vec<ProductId>) -> Result<(), Fault> {
        let tree = self.tree(cx).await.map_err(fault)?;
        let records: Vec<Record> =
            self.db.read(cx, async move |tx| store::load(tx, &ids).await).await.map_err(Fault::from)?;
        let changes = records.into_iter().map(|record| change(record, &tree)).collect();
        Ok(self.index.apply(changes, None).await?)
    }

    /// Fills an index that is new or was lost, in the order of ids. Searches see the old content until it is done;
    /// changes told of meanwhile wait and are applied after it.
    pub(crate) async fn fill_index(&self, cx: &Context) -> Result<(), Fault> {
        if self.index.rebuild_needed() { self.refill_index(cx).await } else { Ok(()) }
    }

    /// Fills the index anew, whatever is in it.
    pub(crate) async fn refill_index(&self, cx: &Context) -> Result<(), Fault> {
        let load = self.index.bulk().await?;
        let tree = self.tree(cx).await.map_err(fault)?;
        let (mut after, mut count) = (ProductId::from_uuid(Uuid::nil()), 0);
        loop {
            let records = self.db.read(cx, async move |tx| store::scan_active(tx, after, BATCH).await);
            let records: Vec<Record> = records.await.map_err(Fault::from)?;
            let Some(last) = records.last() else { break };
            after = last.id();
            count += records.len();
            let puts = records.into_iter().filter_map(|record| match change(record, &tree) {
                Change::Put(document) => Some(document),
                Change::Remove { .. } => None,
            });
            load.put(puts.collect()).await?;
        }
        load.finish(FILLED).await?;
        tracing::info!(products = count, "search index filled");
        Ok(())
    }
}

fn fault(stop: Stop) -> Fault {
    match shoal_contract::products::Error::from(stop) {
        shoal_contract::products::Error::Fault(fault) => fault,
        _ => Fault::Internal {},
    }
}

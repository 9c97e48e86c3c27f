//! Pages of products: their ids by each sort, through an index for each way of narrowing.
//!
//! Every statement looks at one status, so that an index can answer it; a list of all states merges three.

use shoal_contract::products::{CategoryId, ProductId, ProductSort, ProductStatus};
use shoal_sql::{Error, FromRow, ReadTx, Row, Statement, Value, params};
use shoal_types::{Currency, Limit};
use uuid::Uuid;

use super::words::status_word;

/// Glues the parts of a list's statement. `$1` status, `$2` currency, `$3` and `$4` the price bounds, `$5` whether
/// there are any, `$6` limit, `$7` the last id seen; then what narrows it; then the last key seen.
macro_rules! list {
    ($from:literal, $after:literal, by $key:literal, $order:literal) => {
        concat!(
            "select p.product_id, ",
            $key,
            " from ",
            $from,
            " and ",
            $after,
            " and ($5 = 0 or exists (select 1 from lowest_prices as b",
            " where b.product_id = p.product_id and b.currency = $2 and b.amount between $3 and $4))",
            " order by ",
            $order,
            " limit $6",
        )
    };
    ($from:literal, $after:literal, by price $order:literal) => {
        concat!(
            "select p.product_id, l.amount from ",
            $from,
            " and ",
            $after,
            " and ($5 = 0 or l.amount between $3 and $4)",
            " order by ",
            $order,
            " limit $6",
        )
    };
}

shoal_sql::statements! {
    pub(crate) mod sql {
        NEWEST = list!("products as p where p.status = $1", "p.product_id < $7", by "null", "p.product_id desc");
        NEWEST_OF_BRAND = list!("products as p where p.status = $1 and p.brand = $8",
            "p.product_id < $7", by "null", "p.product_id desc");
        NEWEST_IN_CATEGORY = list!("product_categories as c join products as p on p.product_id = c.product_id
            where c.category_id = $8 and c.status = $1 and (cast($9 as text) is null or p.brand = $9)",
            "c.product_id < $7", by "null", "c.product_id desc");
        BY_TITLE = list!("products as p where p.status = $1",
            "(p.title, p.product_id) > ($8, $7)", by "p.title", "p.title, p.product_id");
        // The brand's products first: by title alone, a rare brand is a long walk.
        BY_TITLE_OF_BRAND = list!("products as m join products as p on p.product_id = m.product_id
            where m.status = $1 and m.brand = $8",
            "(p.title, p.product_id) > ($9, $7)", by "p.title", "p.title, p.product_id");
        BY_TITLE_IN_CATEGORY = list!("product_categories as c join products as p on p.product_id = c.product_id
            where c.category_id = $8 and c.status = $1 and (cast($9 as text) is null or p.brand = $9)",
            "(p.title, p.product_id) > ($10, $7)", by "p.title", "p.title, p.product_id");
        CHEAPEST = list!("lowest_prices as l join products as p on p.product_id = l.product_id
            where l.status = $1 and l.currency = $2",
            "(l.amount, l.product_id) > ($8, $7)", by price "l.amount, l.product_id");
        CHEAPEST_OF_BRAND = list!("products as p
            join lowest_prices as l on l.product_id = p.product_id and l.currency = $2
            where p.status = $1 and p.brand = $8",
            "(l.amount, l.product_id) > ($9, $7)", by price "l.amount, l.product_id");
        CHEAPEST_IN_CATEGORY = list!("product_categories as c
            join products as p on p.product_id = c.product_id
            join lowest_prices as l on l.product_id = p.product_id and l.currency = $2
            where c.category_id = $8 and c.status = $1 and (cast($9 as text) is null or p.brand = $9)",
            "(l.amount, l.product_id) > ($10, $7)", by price "l.amount, l.product_id");
        DEAREST = list!("lowest_prices as l join products as p on p.product_id = l.product_id
            where l.status = $1 and l.currency = $2",
            "(l.amount, l.product_id) < ($8, $7)", by price "l.amount desc, l.product_id desc");
        DEAREST_OF_BRAND = list!("products as p
            join lowest_prices as l on l.product_id = p.product_id and l.currency = $2
            where p.status = $1 and p.brand = $8",
            "(l.amount, l.product_id) < ($9, $7)", by price "l.amount desc, l.product_id desc");
        DEAREST_IN_CATEGORY = list!("product_categories as c
            join products as p on p.product_id = c.product_id
            join lowest_prices as l on l.product_id = p.product_id and l.currency = $2
            where c.category_id = $8 and c.status = $1 and (cast($9 as text) is null or p.brand = $9)",
            "(l.amount, l.product_id) < ($10, $7)", by price "l.amount desc, l.product_id desc");
        TITLE_OF = "select title from products where product_id = $1";
        CATEGORY_MEMBERS = "select product_id from product_categories
            where category_id = $1 and status = 'active' and product_id > $2 order by product_id limit $3";
    }
}

/// Which ids are wanted.
#[derive(Debug, Clone)]
pub(crate) struct ListFilter {
    pub(crate) sort: ProductSort,
    pub(crate) category: Option<CategoryId>,
    pub(crate) brand: Option<String>,
    pub(crate) currency: Currency,
    /// The lowest and highest price wanted, if any price will not do.
    pub(crate) prices: Option<(i64, i64)>,
    /// The last one seen.
    pub(crate) after: Option<Listed>,
    pub(crate) limit: Limit,
}

/// A product of a list, with what it is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) id: ProductId,
    pub(crate) key: ListKey,
}

/// What a list is sorted by before ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ListKey {
    /// By id alone, which begins with the time.
    Time,
    /// By title.
    Title(String),
    /// By lowest price, minor units.
    Amount(i64),
}

struct Keyed<K>(ProductId, K);

impl<K: shoal_sql::FromValue> FromRow for Keyed<K> {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self(row.get(0)?, row.get(1)?))
    }
}

impl ListFilter {
    /// The statement that answers it for one status, and its parameters.
    pub(super) fn query(&self, status: ProductStatus) -> (&'static Statement, Vec<Value>) {
        (self.statement(), self.params(status))
    }

    fn statement(&self) -> &'static Statement {
        use ProductSort::{Newest, PriceHigh, PriceLow, Title};
        match (self.sort, self.category.is_some(), self.brand.is_some()) {
            (Newest, true, _) => sql::NEWEST_IN_CATEGORY,
            (Newest, false, true) => sql::NEWEST_OF_BRAND,
            (Newest, false, false) => sql::NEWEST,
            (Title, true, _) => sql::BY_TITLE_IN_CATEGORY,
            (Title, false, true) => sql::BY_TITLE_OF_BRAND,
            (Title, false, false) => sql::BY_TITLE,
            (PriceLow, true, _) => sql::CHEAPEST_IN_CATEGORY,
            (PriceLow, false, true) => sql::CHEAPEST_OF_BRAND,
            (PriceLow, false, false) => sql::CHEAPEST,
            (PriceHigh, true, _) => sql::DEAREST_IN_CATEGORY,
            (PriceHigh, false, true) => sql::DEAREST_OF_BRAND,
            (PriceHigh, false, false) => sql::DEAREST,
        }
    }

    fn params(&self, status: ProductStatus) -> Vec<Value> {
        let after = self.after.clone().unwrap_or_else(|| self.start());
        let (min, max) = self.prices.unwrap_or((i64::MIN, i64::MAX));
        let bounded = self.prices.is_some();
        let limit = self.limit.probe();
        let mut params =
            params![status_word(status), self.currency, min, max, bounded, limit, after.id].to_vec();
        params.extend(self.category.map(Value::from));
        if self.category.is_some() || self.brand.is_some() {
            params.push(self.brand.as_deref().into());
        }
        match after.key {
            ListKey::Time => {}
            ListKey::Title(title) => params.push(title.into()),
            ListKey::Amount(amount) => params.push(amount.into()),
        }
        params
    }

    /// A place before all products.
    fn start(&self) -> Listed {
        let (first, last) = (ProductId::from_uuid(Uuid::nil()), ProductId::from_uuid(Uuid::max()));
        match self.sort {
            ProductSort::Newest => Listed { id: last, key: ListKey::Time },
            ProductSort::Title => Listed { id: first, key: ListKey::Title(String::new()) },
            ProductSort::PriceLow => Listed { id: first, key: ListKey::Amount(i64::MIN) },
            ProductSort::PriceHigh => Listed { id: last, key: ListKey::Amount(i64::MAX) },
        }
    }
}

/// The next products of one status, one more than the page holds.
pub(crate) async fn list_keys(
    tx: &mut ReadTx,
    filter: &ListFilter,
    status: ProductStatus,
) -> Result<Vec<Listed>, Error> {
    let (statement, params) = filter.query(status);
    Ok(match filter.sort {
        ProductSort::Newest => listed(tx.list(statement, params).await?, |_: Option<i64>| ListKey::Time),
        ProductSort::Title => listed(tx.list(statement, params).await?, ListKey::Title),
        ProductSort::PriceLow | ProductSort::PriceHigh => {
            listed(tx.list(statement, params).await?, ListKey::Amount)
        }
    })
}

fn listed<K>(rows: Vec<Keyed<K>>, key: impl Fn(K) -> ListKey) -> Vec<Listed> {
    rows.into_iter().map(|Keyed(id, value)| Listed { id, key: key(value) }).collect()
}

/// The title a product has now.
pub(crate) async fn title_of(tx: &mut ReadTx, id: ProductId) -> Result<Option<String>, Error> {
    tx.find(sql::TITLE_OF, params![id]).await
}

/// The next active products in a category or below it, in the order of ids.
pub(crate) async fn list_category_members(
    tx: &mut ReadTx,
    category: CategoryId,
    after: ProductId,
    limit: u16,
) -> Result<Vec<ProductId>, Error> {
    tx.list(sql::CATEGORY_MEMBERS, params![category, after, limit]).await
}

//! What there is of each variant.

use std::collections::HashMap;

use shoal_contract::products::{ProductId, Stock, StockLine, VariantId};
use shoal_sql::{Error, FromRow, ReadTx, Row, Tx, Value, params};

use super::padded;
use crate::model::{Change, Counted};

shoal_sql::statements! {
    pub(crate) mod sql {
        SHELVES = "select variant_id, sku, on_hand, reserved, retired from stock where variant_id in {in}";
        SHELVES_OF_SKUS = include_str!("shelves_of_skus.sql");
        TAKE = include_str!("take_stock.sql");
        SELL = include_str!("sell_stock.sql");
        GIVE_BACK = include_str!("give_back_stock.sql");
        PUT_BACK = include_str!("put_back_stock.sql");
        BOOK = "update stock set on_hand = on_hand + $2
            where variant_id = $1 and on_hand + $2 >= reserved
            returning variant_id, on_hand - reserved, retired";
        RECOUNT = "update stock set on_hand = $2
            where variant_id = $1 and on_hand = $3 and reserved <= $2
            returning variant_id, on_hand - reserved, retired";
        COUNT_TOLD = "update stock set told = told + d.column2
            from (values {rows:uuid,bigint}) as d where variant_id = d.column1
            returning variant_id, product_id, sku, told";
        RETIRE = include_str!("retire_stock.sql");
    }
}

/// The stock of a variant, with the name it goes by.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    pub(crate) variant: VariantId,
    pub(crate) sku: String,
    pub(crate) counted: Counted,
    /// Whether the variant was removed from its product; nothing more is taken from it.
    pub(crate) retired: bool,
}

impl Shelf {
    /// What callers see.
    pub(crate) fn shown(self) -> Stock {
        Stock {
            variant: self.variant,
            sku: self.sku,
            on_hand: self.counted.on_hand,
            reserved: self.counted.reserved,
            available: self.counted.available(),
        }
    }
}

impl FromRow for Shelf {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            variant: row.get(0)?,
            sku: row.get(1)?,
            counted: Counted { on_hand: row.get(2)?, reserved: row.get(3)? },
            retired: row.get(4)?,
        })
    }
}

/// The shelves of these variants, in any order; unknown ones are left out.
pub(crate) async fn shelves(
    tx: &mut ReadTx,
    variants: impl IntoIterator<Item = VariantId>,
) -> Result<Vec<Shelf>, Error> {
    tx.list_in(sql::SHELVES, params![], variants).await
}

/// The shelves of these SKUs, in any order; unknown ones are left out.
pub(crate) async fn shelves_of_skus(
    tx: &mut ReadTx,
    skus: impl IntoIterator<Item = &str>,
) -> Result<Vec<Shelf>, Error> {
    tx.list_in(sql::SHELVES_OF_SKUS, params![], skus).await
}

/// A shelf after pieces were moved. It stays locked until the commit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moved {
    pub(crate) variant: VariantId,
    /// What could be sold before and can be now.
    pub(crate) change: Change,
    pub(crate) retired: bool,
}

/// What can be sold of a shelf that was changed.
struct Now {
    variant: VariantId,
    available: i64,
    retired: bool,
}

impl FromRow for Now {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self { variant: row.get(0)?, available: row.get(1)?, retired: row.get(2)? })
    }
}

impl Now {
    /// The shelf, of which `by` more pieces can be sold than before.
    fn moved(&self, by: i64) -> Moved {
        let change = Change { before: self.available - by, after: self.available };
        Moved { variant: self.variant, change, retired: self.retired }
    }
}

/// The shelves changed by `lines`, one a variant, each of whose pieces can be sold now if `sign` is 1, or no longer if -1.
fn moved(shelves: &[Now], lines: &[StockLine], sign: i64) -> Vec<Moved> {
    let pieces: HashMap<VariantId, i64> = lines.iter().map(|line| (line.variant, line.quantity)).collect();
    shelves
        .iter()
        .map(|now| now.moved(sign * pieces.get(&now.variant).copied().unwrap_or_default()))
        .collect()
}

/// Holds the pieces of each line, one a variant, where that many can be sold; none if they could not everywhere: then
/// roll back.
pub(crate) async fn take(tx: &mut Tx, lines: &[StockLine]) -> Result<Option<Vec<Moved>>, Error> {
    let taken: Vec<Now> = tx.list_rows(sql::TAKE, params![], &rows(lines)).await?;
    Ok((taken.len() == lines.len()).then(|| moved(&taken, lines, -1)))
}

/// Takes held pieces of each line, one a variant, off their shelves; on how many.
pub(super) async fn sell(tx: &mut Tx, lines: &[StockLine]) -> Result<u64, Error> {
    tx.execute_rows(sql::SELL, params![], &rows(lines)).await
}

/// Makes held pieces of each line, one a variant, available again; on which shelves.
pub(super) async fn give_back(tx: &mut Tx, lines: &[StockLine]) -> Result<Vec<Moved>, Error> {
    let shelves: Vec<Now> = tx.list_rows(sql::GIVE_BACK, params![], &rows(lines)).await?;
    Ok(moved(&shelves, lines, 1))
}

/// Adds the pieces of each line, one a variant; on which shelves.
pub(crate) async fn put_back(tx: &mut Tx, lines: &[StockLine]) -> Result<Vec<Moved>, Error> {
    let shelves: Vec<Now> = tx.list_rows(sql::PUT_BACK, params![], &rows(lines)).await?;
    Ok(moved(&shelves, lines, 1))
}

fn rows(lines: &[StockLine]) -> Vec<[Value; 2]> {
    padded(lines.iter().map(|line| params![line.variant, line.quantity]).collect())
}

/// Adds pieces, or takes them away if what is held stays covered; none if it was not done.
pub(crate) async fn book(tx: &mut Tx, variant: VariantId, by: i64) -> Result<Option<Moved>, Error> {
    let now: Vec<Now> = tx.list(sql::BOOK, params![variant, by]).await?;
    Ok(now.first().map(|now| now.moved(by)))
}

/// Sets the pieces on hand if they were `from` and what is held stays covered; none if it was not done.
pub(crate) async fn recount(
    tx: &mut Tx,
    variant: VariantId,
    from: i64,
    to: i64,
) -> Result<Option<Moved>, Error> {
    let now: Vec<Now> = tx.list(sql::RECOUNT, params![variant, to, from]).await?;
    Ok(now.first().map(|now| now.moved(to - from)))
}

/// A shelf with the count of events told of it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) variant: VariantId,
    pub(crate) product: ProductId,
    pub(crate) sku: String,
    /// The last event's number, from 1.
    pub(crate) sequence: u64,
}

impl FromRow for Told {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self { variant: row.get(0)?, product: row.get(1)?, sku: row.get(2)?, sequence: row.get(3)? })
    }
}

/// Counts so many more events as told of each shelf. The transaction has these shelves locked already.
pub(crate) async fn count_told(tx: &mut Tx, counts: &[(VariantId, usize)]) -> Result<Vec<Told>, Error> {
    let row = |(variant, count): &(VariantId, usize)| params![*variant, *count as i64];
    let rows: Vec<[Value; 2]> = counts.iter().map(row).collect();
    tx.list_rows(sql::COUNT_TOLD, params![], &rows).await
}

/// Closes the shelves of these variants unless pieces are held on them; how many were closed.
pub(crate) async fn retire(tx: &mut Tx, variants: &[VariantId]) -> Result<usize, Error> {
    let closed: Vec<VariantId> = tx.list_in(sql::RETIRE, params![], variants.iter().copied()).await?;
    Ok(closed.len())
}

/// The SKU of one of these variants on which pieces are held.
pub(crate) async fn first_reserved(tx: &mut ReadTx, variants: &[VariantId]) -> Result<Option<String>, Error> {
    let shelves = shelves(tx, variants.iter().copied()).await?;
    Ok(shelves.into_iter().find(|shelf| shelf.counted.reserved > 0).map(|shelf| shelf.sku))
}

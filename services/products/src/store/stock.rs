//! What there is of each variant.

use shoal_contract::products::{Stock, StockLine, VariantId};
use shoal_sql::{Error, FromRow, ReadTx, Row, Tx, Value, params};

use super::padded;
use crate::model::Counted;

shoal_sql::statements! {
    pub(crate) mod sql {
        SHELVES = "select variant_id, sku, on_hand, reserved, retired from stock where variant_id in {in}";
        SHELVES_OF_SKUS = include_str!("shelves_of_skus.sql");
        TAKE = include_str!("take_stock.sql");
        SELL = include_str!("sell_stock.sql");
        GIVE_BACK = include_str!("give_back_stock.sql");
        PUT_BACK = include_str!("put_back_stock.sql");
        BOOK = "update stock set on_hand = on_hand + $2
            where variant_id = $1 and on_hand + $2 >= reserved";
        RECOUNT = "update stock set on_hand = $2
            where variant_id = $1 and on_hand = $3 and reserved <= $2";
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

/// Holds the pieces of each line, one a variant, where that many can be sold; whether they could everywhere. If not,
/// roll back.
pub(crate) async fn take(tx: &mut Tx, lines: &[StockLine]) -> Result<bool, Error> {
    let taken: Vec<VariantId> = tx.list_rows(sql::TAKE, params![], &rows(lines)).await?;
    Ok(taken.len() == lines.len())
}

/// Takes held pieces of each line, one a variant, off their shelves; on how many.
pub(super) async fn sell(tx: &mut Tx, lines: &[StockLine]) -> Result<u64, Error> {
    tx.execute_rows(sql::SELL, params![], &rows(lines)).await
}

/// Makes held pieces of each line, one a variant, available again; on how many shelves.
pub(super) async fn give_back(tx: &mut Tx, lines: &[StockLine]) -> Result<u64, Error> {
    tx.execute_rows(sql::GIVE_BACK, params![], &rows(lines)).await
}

/// Adds the pieces of each line, one a variant; on how many shelves.
pub(crate) async fn put_back(tx: &mut Tx, lines: &[StockLine]) -> Result<usize, Error> {
    Ok(tx.execute_rows(sql::PUT_BACK, params![], &rows(lines)).await? as usize)
}

fn rows(lines: &[StockLine]) -> Vec<[Value; 2]> {
    padded(lines.iter().map(|line| params![line.variant, line.quantity]).collect())
}

/// Adds pieces, or takes them away if what is held stays covered; whether it was done.
pub(crate) async fn book(tx: &mut Tx, variant: VariantId, by: i64) -> Result<bool, Error> {
    Ok(tx.execute(sql::BOOK, params![variant, by]).await? == 1)
}

/// Sets the pieces on hand if they were `from` and what is held stays covered; whether it was done.
pub(crate) async fn recount(tx: &mut Tx, variant: VariantId, from: i64, to: i64) -> Result<bool, Error> {
    Ok(tx.execute(sql::RECOUNT, params![variant, to, from]).await? == 1)
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

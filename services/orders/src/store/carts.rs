use serde::{Deserialize, Serialize};
use shoal_contract::checkout::CheckoutId;
use shoal_contract::orders::{CartId, CartStatus};
use shoal_contract::users::UserId;
use shoal_sql::{Error, FromRow, ReadTx, Row, Tx, params};
use shoal_types::{Currency, Timestamp};

use super::{from_json, sql, to_json};
use crate::model::cart::Contents;

/// A cart as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CartRow {
    pub(crate) id: CartId,
    pub(crate) status: CartStatus,
    pub(crate) customer: Option<UserId>,
    pub(crate) checkout: Option<CheckoutId>,
    pub(crate) merged_into: Option<CartId>,
    pub(crate) currency: Currency,
    pub(crate) contents: Contents,
    pub(crate) version: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl CartRow {
    /// A new open cart, not stored yet.
    pub(crate) fn new(id: CartId, customer: Option<UserId>, currency: Currency, at: Timestamp) -> Self {
        Self {
            id,
            status: CartStatus::Open,
            customer,
            checkout: None,
            merged_into: None,
            currency,
            contents: Contents::default(),
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }
}

impl FromRow for CartRow {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        let unknown = Error::Column { index: 1, expected: "a cart's status", found: "another word" };
        Ok(Self {
            id: row.get(0)?,
            status: status(&row.get::<String>(1)?).ok_or(unknown)?,
            customer: row.get(2)?,
            checkout: row.get(3)?,
            merged_into: row.get(4)?,
            currency: row.get(5)?,
            contents: from_json(&row.get::<String>(6)?, 6, "a cart's contents")?,
            version: row.get(7)?,
            created_at: row.get(8)?,
            updated_at: row.get(9)?,
        })
    }
}

fn status(word: &str) -> Option<CartStatus> {
    Some(match word {
        "open" => CartStatus::Open,
        "paying" => CartStatus::Paying,
        "ordered" => CartStatus::Ordered,
        "merged" => CartStatus::Merged,
        _ => return None,
    })
}

fn word(status: CartStatus) -> &'static str {
    match status {
        CartStatus::Open => "open",
        CartStatus::Paying => "paying",
        CartStatus::Ordered => "ordered",
        CartStatus::Merged => "merged",
    }
}

/// A version as a parameter.
pub(super) fn number(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

pub(crate) async fn find(tx: &mut ReadTx, cart: CartId) -> Result<Option<CartRow>, Error> {
    tx.find(sql::FIND_CART, params![cart]).await
}

/// The cart a customer has claimed last, which may be ordered or gone by now.
pub(crate) async fn find_claim(tx: &mut ReadTx, customer: UserId) -> Result<Option<CartId>, Error> {
    tx.find(sql::FIND_CLAIM, params![customer]).await
}

/// Gives a customer's claim from the cart `before` to `cart`; whether nobody else did meanwhile.
pub(crate) async fn claim(
    tx: &mut Tx,
    customer: UserId,
    before: Option<CartId>,
    cart: CartId,
) -> Result<bool, Error> {
    let changed = match before {
        None => tx.execute(sql::CLAIM_CART, params![customer, cart]).await?,
        Some(before) => tx.execute(sql::MOVE_CLAIM, params![customer, cart, before]).await?,
    };
    Ok(changed == 1)
}

pub(crate) async fn insert(tx: &mut Tx, cart: &CartRow) -> Result<(), Error> {
    let contents = to_json(&cart.contents)?;
    let params = params![cart.id, cart.customer, cart.currency, contents, cart.created_at];
    tx.execute(sql::INSERT_CART, params).await.map(drop)
}

/// Writes an open cart over that is still at its version, and counts the version on; whether it was.
pub(crate) async fn change(tx: &mut Tx, cart: &mut CartRow, at: Timestamp) -> Result<bool, Error> {
    let contents = to_json(&cart.contents)?;
    let params = params![cart.id, number(cart.version), cart.currency, contents, at];
    let changed = tx.execute(sql::CHANGE_CART, params).await?;
    cart.version += 1;
    cart.updated_at = at;
    Ok(changed == 1)
}

/// Freezes an open cart for a checkout, or finds the one it has frozen; none if it is in another state.
pub(crate) async fn freeze(
    tx: &mut Tx,
    cart: CartId,
    checkout: CheckoutId,
    at: Timestamp,
) -> Result<Option<CartRow>, Error> {
    tx.find(sql::FREEZE_CART, params![cart, checkout, at]).await
}

/// Opens the cart a checkout has frozen (`Paying`), or closed for an order (`Ordered`); whether there was one.
pub(crate) async fn thaw(
    tx: &mut Tx,
    cart: CartId,
    checkout: CheckoutId,
    from: CartStatus,
    at: Timestamp,
) -> Result<bool, Error> {
    Ok(tx.execute(sql::THAW_CART, params![cart, checkout, word(from), at]).await? == 1)
}

/// Closes the cart a checkout has frozen; whether there was one.
pub(crate) async fn close(
    tx: &mut Tx,
    cart: CartId,
    checkout: CheckoutId,
    at: Timestamp,
) -> Result<bool, Error> {
    Ok(tx.execute(sql::ORDER_CART, params![cart, checkout, at]).await? == 1)
}

/// Leaves of an open cart only the way to the one its lines went into; whether it was still at its version.
pub(crate) async fn merge(tx: &mut Tx, cart: &CartRow, into: CartId, at: Timestamp) -> Result<bool, Error> {
    Ok(tx.execute(sql::MERGE_CART, params![cart.id, number(cart.version), into, at]).await? == 1)
}

/// Removes an open or merged cart that is still at its version; whether it was.
pub(crate) async fn remove(tx: &mut Tx, cart: &CartRow) -> Result<bool, Error> {
    Ok(tx.execute(sql::REMOVE_CART, params![cart.id, number(cart.version)]).await? == 1)
}

/// Removes at most `limit` carts that nobody has touched since `before` and nobody needs; how many it were.
pub(crate) async fn remove_old(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<u64, Error> {
    tx.execute(sql::REMOVE_OLD_CARTS, params![before, limit]).await
}

/// The next carts in the order in which they were touched: at or before `until`, after the key `after`, at most `limit`.
pub(crate) async fn list_idle(
    tx: &mut ReadTx,
    until: Timestamp,
    after: (Timestamp, CartId),
    limit: u32,
) -> Result<Vec<CartRow>, Error> {
    tx.list(sql::LIST_IDLE_CARTS, params![until, after.0, after.1, limit]).await
}

/// Marks open carts as abandoned that are still at their version and were not found at it before; which they were.
pub(crate) async fn abandon(tx: &mut Tx, carts: &[CartRow], at: Timestamp) -> Result<Vec<CartId>, Error> {
    let rows: Vec<_> = carts.iter().map(|cart| params![cart.id, number(cart.version)]).collect();
    tx.list_rows(sql::ABANDON_CARTS, params![at], &rows).await
}

/// A cart that was left, and when it was found so.
pub(crate) struct AbandonedRow {
    pub(crate) cart: CartRow,
    pub(crate) abandoned_at: Timestamp,
}

impl FromRow for AbandonedRow {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self { cart: CartRow::from_row(row)?, abandoned_at: row.get(10)? })
    }
}

/// Carts that were left and not touched since, those found last first, before the key `before`.
pub(crate) async fn list_abandoned(
    tx: &mut ReadTx,
    before: (Timestamp, CartId),
    limit: i64,
) -> Result<Vec<AbandonedRow>, Error> {
    tx.list(sql::LIST_ABANDONED_CARTS, params![before.0, before.1, limit]).await
}

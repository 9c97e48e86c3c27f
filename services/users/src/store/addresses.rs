use shoal_contract::Address;
use shoal_contract::users::{AddressId, SavedAddress, UserId};
use shoal_sql::{FromRow, ReadTx, Row, Tx, Value, params};

use super::sql;
use crate::error::Failure;
use crate::model::address_book::Entry;

/// An address with whose it is.
struct AddressRow {
    user: UserId,
    entry: Entry,
}

impl FromRow for AddressRow {
    fn from_row(row: &Row<'_>) -> Result<Self, shoal_sql::Error> {
        let address = Address {
            name: row.get(4)?,
            line1: row.get(5)?,
            line2: row.get(6)?,
            city: row.get(7)?,
            postal_code: row.get(8)?,
            region: row.get(9)?,
            country: row.get(10)?,
            phone: row.get(11)?,
        };
        let saved = SavedAddress { id: row.get(1)?, default: row.get(3)?, address };
        Ok(Self { user: row.get(0)?, entry: Entry { place: row.get(2)?, saved } })
    }
}

/// The addresses of a user, the default first.
pub(crate) async fn list(tx: &mut ReadTx, user: UserId) -> Result<Vec<Entry>, Failure> {
    let rows: Vec<AddressRow> = tx.list(sql::LIST_ADDRESSES, params![user]).await?;
    Ok(rows.into_iter().map(|row| row.entry).collect())
}

/// The addresses of several users, each's in the order they were added.
pub(crate) async fn list_of_all(
    tx: &mut ReadTx,
    users: impl Iterator<Item = UserId>,
) -> Result<Vec<(UserId, Address)>, Failure> {
    let rows = tx.list_in::<AddressRow, _>(sql::LIST_ADDRESSES_OF_ALL, params![], users).await?;
    Ok(rows.into_iter().map(|row| (row.user, row.entry.saved.address)).collect())
}

/// Adds addresses; none of a user who has a default may be one.
pub(crate) async fn add(tx: &mut Tx, addresses: &[(UserId, Entry)]) -> Result<(), Failure> {
    let rows: Vec<_> = addresses.iter().map(|(user, entry)| row(*user, entry)).collect();
    tx.execute_rows(sql::ADD_ADDRESSES, params![], &rows).await?;
    Ok(())
}

fn row(user: UserId, Entry { place, saved }: &Entry) -> [Value; 12] {
    let address = saved.address.clone();
    params![
        user,
        saved.id,
        *place,
        saved.default,
        address.name,
        address.line1,
        address.line2,
        address.city,
        address.postal_code,
        address.region,
        address.country,
        address.phone,
    ]
}

pub(crate) async fn replace(tx: &mut Tx, user: UserId, saved: &SavedAddress) -> Result<(), Failure> {
    let address = saved.address.clone();
    let params = params![
        user,
        saved.id,
        saved.default,
        address.name,
        address.line1,
        address.line2,
        address.city,
        address.postal_code,
        address.region,
        address.country,
        address.phone,
    ];
    tx.execute(sql::REPLACE_ADDRESS, params).await?;
    Ok(())
}

/// Leaves the user without a default, so that another address can become it.
pub(crate) async fn unset_default(tx: &mut Tx, user: UserId) -> Result<(), Failure> {
    tx.execute(sql::UNSET_DEFAULT, params![user]).await?;
    Ok(())
}

pub(crate) async fn set_default(tx: &mut Tx, user: UserId, id: AddressId) -> Result<(), Failure> {
    tx.execute(sql::SET_DEFAULT, params![user, id]).await?;
    Ok(())
}

pub(crate) async fn remove(tx: &mut Tx, user: UserId, id: AddressId) -> Result<(), Failure> {
    tx.execute(sql::REMOVE_ADDRESS, params![user, id]).await?;
    Ok(())
}

/// Removes every address of the users.
pub(crate) async fn remove_of_all(tx: &mut Tx, users: &[UserId]) -> Result<(), Failure> {
    let rows: Vec<_> = users.iter().map(|user| params![*user]).collect();
    tx.execute_rows(sql::REMOVE_ADDRESSES_OF_ALL, params![], &rows).await?;
    Ok(())
}

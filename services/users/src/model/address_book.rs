//! The addresses a user keeps: at most 20, one of them the default as long as there is any.

use shoal_contract::Address;
use shoal_contract::users::{AddressId, Error, SavedAddress};

/// Addresses a user keeps, at most.
pub(crate) const MAX: usize = 20;

/// A saved address and its place in the order they were added in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) place: i64,
    pub(crate) saved: SavedAddress,
}

/// Where a new address goes, and whether it becomes the default.
pub(crate) fn add(book: &[Entry], id: AddressId, address: Address, default: bool) -> Result<Entry, Error> {
    if book.len() >= MAX {
        return Err(Error::TooManyAddresses {});
    }
    let place = book.iter().map(|entry| entry.place).max().map_or(0, |last| last.saturating_add(1));
    Ok(Entry { place, saved: SavedAddress { id, default: default || book.is_empty(), address } })
}

/// The address `id` with another content. The default stays the default until another becomes it.
pub(crate) fn replace(
    book: &[Entry],
    id: AddressId,
    address: Address,
    default: bool,
) -> Result<Entry, Error> {
    let old = book.iter().find(|entry| entry.saved.id == id).ok_or(Error::UnknownAddress {})?;
    let default = default || old.saved.default;
    Ok(Entry { place: old.place, saved: SavedAddress { id, default, address } })
}

/// Which address becomes the default when `id` goes; none if the default stays or nothing is left.
pub(crate) fn heir(book: &[Entry], id: AddressId) -> Option<AddressId> {
    let was_default = book.iter().any(|entry| entry.saved.id == id && entry.saved.default);
    let others = book.iter().filter(|entry| entry.saved.id != id);
    if was_default { others.min_by_key(|entry| entry.place).map(|entry| entry.saved.id) } else { None }
}

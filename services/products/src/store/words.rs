//! The words that columns hold for our enums.

use shoal_contract::products::{MovementKind, ProductStatus, ReservationState};
use shoal_sql::{Error, Row};

/// The word of a status.
pub(crate) const fn status_word(status: ProductStatus) -> &'static str {
    match status {
        ProductStatus::Draft => "draft",
        ProductStatus::Active => "active",
        ProductStatus::Archived => "archived",
    }
}

/// The word of a reservation's state.
pub(crate) const fn state_word(state: ReservationState) -> &'static str {
    match state {
        ReservationState::Held => "held",
        ReservationState::Confirmed => "confirmed",
        ReservationState::Released => "released",
        ReservationState::Expired => "expired",
    }
}

/// The word of a kind of movement that has a row of its own.
pub(crate) const fn kind_word(kind: MovementKind) -> &'static str {
    match kind {
        MovementKind::Receive => "receive",
        MovementKind::Correct => "correct",
        MovementKind::Count => "count",
        MovementKind::Restock => "restock",
        MovementKind::Reserve => "reserve",
        MovementKind::Confirm => "confirm",
        MovementKind::Release => "release",
        MovementKind::Expire => "expire",
    }
}

/// Reads a status.
pub(crate) fn status(row: &Row<'_>, index: usize) -> Result<ProductStatus, Error> {
    use ProductStatus::{Active, Archived, Draft};
    read(row, index, [Draft, Active, Archived], status_word)
}

/// Reads a reservation's state.
pub(crate) fn state(row: &Row<'_>, index: usize) -> Result<ReservationState, Error> {
    use ReservationState::{Confirmed, Expired, Held, Released};
    read(row, index, [Held, Confirmed, Released, Expired], state_word)
}

/// Reads a kind of movement.
pub(crate) fn kind(row: &Row<'_>, index: usize) -> Result<MovementKind, Error> {
    use MovementKind::{Correct, Count, Receive, Restock};
    read(row, index, [Receive, Correct, Count, Restock], kind_word)
}

fn read<T: Copy, const N: usize>(
    row: &Row<'_>,
    index: usize,
    all: [T; N],
    word: fn(T) -> &'static str,
) -> Result<T, Error> {
    let text: String = row.get(index)?;
    let found = all.into_iter().find(|value| word(*value) == text);
    found.ok_or(Error::Column { index, expected: "a known word", found: "another word" })
}

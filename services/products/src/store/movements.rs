//! The ledger of a variant.

use shoal_contract::products::{Movement, MovementId, MovementKind, ReservationKey, VariantId};
use shoal_sql::{Error, FromRow, ReadTx, Row, Tx, Value, params};
use shoal_types::{Limit, Timestamp};

use super::words::{kind, kind_word, state};
use crate::model::{Entry, HeldLine, Moment};

shoal_sql::statements! {
    pub(crate) mod sql {
        ADD_MOVEMENTS = include_str!("add_movements.sql");
        LIST_BOOKED = include_str!("list_booked.sql");
        LIST_HOLDS_MADE = include_str!("list_holds_made.sql");
        LIST_HOLDS_SETTLED = include_str!("list_holds_settled.sql");
    }
}

/// A movement with a row of its own: all but those of holds.
#[derive(Debug, Clone)]
pub(crate) struct NewMovement {
    pub(crate) id: MovementId,
    pub(crate) variant: VariantId,
    pub(crate) kind: MovementKind,
    pub(crate) on_hand_change: i64,
    pub(crate) reservation: Option<ReservationKey>,
    pub(crate) reason: Option<String>,
    pub(crate) at: Timestamp,
}

impl NewMovement {
    /// Goods that came in.
    pub(crate) fn received(id: MovementId, variant: VariantId, pieces: i64, at: Timestamp) -> Self {
        let kind = MovementKind::Receive;
        Self { id, variant, kind, on_hand_change: pieces, reservation: None, reason: None, at }
    }
}

pub(super) type MovementRow = [Value; 7];

pub(super) fn movement_row(movement: &NewMovement) -> MovementRow {
    params![
        movement.variant,
        movement.id,
        kind_word(movement.kind),
        movement.on_hand_change,
        movement.reservation,
        movement.reason.as_deref(),
        movement.at,
    ]
}

/// Adds lines to ledgers, in one statement.
///
/// # Errors
/// A unique constraint on `movements.variant_id, movements.movement_id` if a line was added before.
pub(crate) async fn add_movements(tx: &mut Tx, movements: &[NewMovement]) -> Result<(), Error> {
    let rows: Vec<MovementRow> = movements.iter().map(movement_row).collect();
    tx.execute_rows(sql::ADD_MOVEMENTS, params![], &rows).await.map(|_| ())
}

/// The lines of a variant's ledger after `moment`, newest first: of each source as many as a page can need.
pub(crate) async fn list_entries(
    tx: &mut ReadTx,
    variant: VariantId,
    moment: Moment,
    limit: Limit,
) -> Result<Vec<Entry>, Error> {
    let after = |source| {
        let (at, tie) = moment.bound(source);
        params![variant, at, tie, limit.probe()]
    };
    let booked = tx.list::<Booked>(sql::LIST_BOOKED, after(Moment::BOOKED)).await?;
    let made: Vec<(ReservationKey, i64, Timestamp)> =
        tx.list(sql::LIST_HOLDS_MADE, after(Moment::HELD)).await?;
    let settled = tx.list::<Settled>(sql::LIST_HOLDS_SETTLED, after(Moment::SETTLED)).await?;
    let mut entries: Vec<Entry> = booked.into_iter().map(|Booked(entry)| entry).collect();
    entries.extend(
        made.into_iter()
            .map(|(reservation, quantity, at)| HeldLine { reservation, variant, quantity }.made(at)),
    );
    entries.extend(settled.into_iter().filter_map(|settled| {
        let line = HeldLine { reservation: settled.reservation, variant, quantity: settled.quantity };
        line.settled(settled.state, settled.at)
    }));
    Ok(entries)
}

struct Booked(Entry);

impl FromRow for Booked {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        let movement = Movement {
            id: row.get(0)?,
            kind: kind(row, 1)?,
            on_hand_change: row.get(2)?,
            reserved_change: 0,
            reservation: row.get(3)?,
            reason: row.get(4)?,
            at: row.get(5)?,
        };
        let moment = Moment { at: movement.at, source: Moment::BOOKED, tie: movement.id };
        Ok(Self(Entry { moment, movement }))
    }
}

struct Settled {
    reservation: ReservationKey,
    quantity: i64,
    state: shoal_contract::products::ReservationState,
    at: Timestamp,
}

impl FromRow for Settled {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self { reservation: row.get(0)?, quantity: row.get(1)?, state: state(row, 2)?, at: row.get(3)? })
    }
}

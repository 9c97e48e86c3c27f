//! Reservations. Their statements do not grow with their lines.

use shoal_contract::products::{Reservation, ReservationKey, ReservationState, StockLine, VariantId};
use shoal_sql::{Error, FromRow, ReadTx, Row, Tx, params};
use shoal_types::Timestamp;
use uuid::Uuid;

use super::words::{state, state_word};

shoal_sql::statements! {
    pub(crate) mod sql {
        ADD_HOLDS = include_str!("add_holds.sql");
        SETTLE_HOLDS = include_str!("settle_holds.sql");
        EXPIRE_HOLDS = include_str!("expire_holds.sql");
        SELL_HELD = include_str!("sell_held.sql");
        GIVE_BACK_HELD = include_str!("give_back_held.sql");
        FIND_HOLDS = "select line, variant_id, quantity, expires_at, state
            from holds where reservation_id = $1 order by line";
        DUE_HOLDS = "select reservation_id from holds
            where state = 'held' and line = 0 and expires_at <= $1 order by expires_at limit $2";
        NEXT_EXPIRY = "select expires_at from holds
            where state = 'held' and line = 0 order by expires_at limit 1";
    }
}

/// How a hold ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// Its pieces are sold.
    Confirm,
    /// Its pieces are given back.
    Release,
    /// Its pieces are given back if its time has passed.
    Expire,
}

impl Settlement {
    /// The state it leads to.
    pub(crate) const fn state(self) -> ReservationState {
        match self {
            Self::Confirm => ReservationState::Confirmed,
            Self::Release => ReservationState::Released,
            Self::Expire => ReservationState::Expired,
        }
    }
}

/// Writes down a hold as it is, in one statement.
///
/// # Errors
/// A unique constraint on `holds.reservation_id, holds.line` if the key was used before.
pub(crate) async fn add_holds(tx: &mut Tx, hold: &Reservation, now: Timestamp) -> Result<(), Error> {
    let settled = (hold.state != ReservationState::Held).then_some(now);
    let row = |(number, line): (i64, &StockLine)| {
        let state = state_word(hold.state);
        params![hold.key, number, line.variant, line.quantity, state, hold.expires_at, now, settled]
    };
    let rows: Vec<_> = (0_i64..).zip(&hold.lines).map(row).collect();
    tx.execute_rows(sql::ADD_HOLDS, params![], &rows).await.map(|_| ())
}

/// Ends an open hold and moves its stock, in two statements. Answers nothing, after one statement, if there is no
/// such open hold.
pub(crate) async fn settle(
    tx: &mut Tx,
    key: ReservationKey,
    how: Settlement,
    now: Timestamp,
) -> Result<Option<Reservation>, Error> {
    let lines: Vec<Line> = match how {
        Settlement::Expire => tx.list(sql::EXPIRE_HOLDS, params![key, now]).await?,
        Settlement::Confirm | Settlement::Release => {
            tx.list(sql::SETTLE_HOLDS, params![key, state_word(how.state()), now]).await?
        }
    };
    if lines.is_empty() {
        return Ok(None);
    }
    let stock = if how == Settlement::Confirm { sql::SELL_HELD } else { sql::GIVE_BACK_HELD };
    let moved = tx.execute(stock, params![key]).await?;
    let expected = lines.len() as u64;
    if moved != expected {
        // Each line was taken from a shelf, and shelves stay: this undoes what cannot be right.
        return Err(Error::GuardFailed { index: 1, expected, actual: moved });
    }
    Ok(reservation(key, lines))
}

/// The reservation of a key; one without lines was released before it was ever made.
pub(crate) async fn find_reservation(
    tx: &mut ReadTx,
    key: ReservationKey,
) -> Result<Option<Reservation>, Error> {
    Ok(reservation(key, tx.list(sql::FIND_HOLDS, params![key]).await?))
}

/// Remembers a key that was released before it was ever reserved, so that no hold can be made with it.
///
/// # Errors
/// As [`add_holds`].
pub(crate) async fn entomb(tx: &mut Tx, key: ReservationKey, now: Timestamp) -> Result<(), Error> {
    let hold = Reservation {
        key,
        state: ReservationState::Released,
        lines: vec![StockLine { variant: VariantId::from_uuid(Uuid::nil()), quantity: 0 }],
        expires_at: now,
    };
    add_holds(tx, &hold, now).await
}

/// Open holds whose time has passed, the oldest first.
pub(crate) async fn due(tx: &mut ReadTx, now: Timestamp, limit: u16) -> Result<Vec<ReservationKey>, Error> {
    tx.list(sql::DUE_HOLDS, params![now, limit]).await
}

/// When the next open hold runs out.
pub(crate) async fn next_expiry(tx: &mut ReadTx) -> Result<Option<Timestamp>, Error> {
    tx.find(sql::NEXT_EXPIRY, params![]).await
}

struct Line {
    number: i64,
    line: StockLine,
    expires_at: Timestamp,
    state: ReservationState,
}

impl FromRow for Line {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            number: row.get(0)?,
            line: StockLine { variant: row.get(1)?, quantity: row.get(2)? },
            expires_at: row.get(3)?,
            state: state(row, 4)?,
        })
    }
}

/// All lines of a reservation share its state and its end.
fn reservation(key: ReservationKey, mut lines: Vec<Line>) -> Option<Reservation> {
    lines.sort_by_key(|line| line.number);
    let first = lines.first()?;
    let (state, expires_at) = (first.state, first.expires_at);
    let lines = lines.into_iter().map(|line| line.line).filter(|line| line.quantity > 0).collect();
    Some(Reservation { key, state, lines, expires_at })
}

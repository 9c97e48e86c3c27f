//! Reservations. Their statements do not grow with their lines, nor with how many are made or settled at once.

use std::collections::HashMap;

use shoal_contract::products::{Reservation, ReservationKey, ReservationState, StockLine, VariantId};
use shoal_sql::{Engine, Error, FromRow, ReadTx, Row, Tx, Value, params};
use shoal_types::Timestamp;
use uuid::Uuid;

use super::words::{state, state_word};
use super::{padded, stock};
use crate::model;

shoal_sql::statements! {
    pub(crate) mod sql {
        ADD_HOLDS = include_str!("add_holds.sql");
        SETTLE_HOLDS = include_str!("settle_holds.sql");
        FIND_HOLDS = include_str!("find_holds.sql");
        DUE_HOLDS = "select reservation_id from holds
            where state = 'held' and line = 0 and expires_at <= $1 order by expires_at limit $2";
        NEXT_EXPIRY = "select expires_at from holds
            where state = 'held' and line = 0 order by expires_at limit 1";
    }
}

/// How holds end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// Their pieces are sold.
    Confirm,
    /// Their pieces are given back.
    Release,
    /// Their pieces are given back if their time has passed.
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

/// Holds on their way into the table, in order of their keys: two who write down the same ones do not wait for each
/// other in a circle.
#[derive(Debug)]
pub(crate) struct NewHolds {
    rows: Vec<[Value; 8]>,
    lines: u64,
}

impl NewHolds {
    /// The lines of `holds`, each of another key, as they are.
    pub(crate) fn new(engine: Engine, mut holds: Vec<&Reservation>, now: Timestamp) -> Self {
        holds.sort_unstable_by_key(|hold| hold.key);
        let rows: Vec<_> = holds.into_iter().flat_map(|hold| hold_rows(hold, now)).collect();
        let lines = rows.len() as u64;
        // PostgreSQL has one plan for any number of rows.
        Self { lines, rows: if engine == Engine::Sqlite { padded(rows) } else { rows } }
    }

    /// Writes them down in one statement; whether all their keys were new. If not, roll back.
    ///
    /// # Errors
    /// What the engine answers.
    pub(crate) async fn insert(&self, tx: &mut Tx) -> Result<bool, Error> {
        Ok(tx.execute_rows(sql::ADD_HOLDS, params![], &self.rows).await? == self.lines)
    }
}

fn hold_rows(hold: &Reservation, now: Timestamp) -> impl Iterator<Item = [Value; 8]> {
    let settled = (hold.state != ReservationState::Held).then_some(now);
    (0_i64..).zip(&hold.lines).map(move |(number, line)| {
        let state = state_word(hold.state);
        params![hold.key, number, line.variant, line.quantity, state, hold.expires_at, now, settled]
    })
}

/// What became of holds that were ended.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// The reservations as they are now.
    pub(crate) reservations: HashMap<ReservationKey, Reservation>,
    /// The shelves of which more can be sold now.
    pub(crate) moved: Vec<stock::Moved>,
}

/// Ends those of the holds that are open and moves their stock. Two statements, or one if none is open.
///
/// Locks holds before shelves, and both in order of their ids, as whoever takes stock does.
pub(crate) async fn settle(
    tx: &mut Tx,
    keys: &[ReservationKey],
    how: Settlement,
    now: Timestamp,
) -> Result<Settled, Error> {
    let until = if how == Settlement::Expire { now } else { Timestamp::from_micros(i64::MAX) };
    let fixed = params![state_word(how.state()), now, until];
    let lines: Vec<Line> = tx.list_in(sql::SETTLE_HOLDS, fixed, keys.iter().copied()).await?;
    if lines.is_empty() {
        return Ok(Settled::default());
    }
    let goods = model::total(lines.iter().map(|line| &line.line));
    let (actual, moved) = match how {
        // What was held could not be sold to others before either.
        Settlement::Confirm => (stock::sell(tx, &goods).await?, Vec::new()),
        Settlement::Release | Settlement::Expire => {
            let moved = stock::give_back(tx, &goods).await?;
            (moved.len() as u64, moved)
        }
    };
    let expected = goods.len() as u64;
    if actual != expected {
        // Each line was taken from a shelf, and shelves stay: this undoes what cannot be right.
        return Err(Error::GuardFailed { index: 1, expected, actual });
    }
    Ok(Settled { reservations: reservations(lines), moved })
}

/// The reservations of these keys; unknown ones are left out. One without lines was released before it was ever made.
pub(crate) async fn find_reservations(
    tx: &mut ReadTx,
    keys: impl IntoIterator<Item = ReservationKey>,
) -> Result<HashMap<ReservationKey, Reservation>, Error> {
    Ok(reservations(tx.list_in(sql::FIND_HOLDS, params![], keys).await?))
}

/// The reservation of a key, as [`find_reservations`].
pub(crate) async fn find_reservation(
    tx: &mut ReadTx,
    key: ReservationKey,
) -> Result<Option<Reservation>, Error> {
    Ok(find_reservations(tx, [key]).await?.remove(&key))
}

/// Remembers a key that was released before it was ever reserved, so that no hold can be made with it; whether it was
/// new. If not, roll back.
pub(crate) async fn entomb(tx: &mut Tx, key: ReservationKey, now: Timestamp) -> Result<bool, Error> {
    let hold = Reservation {
        key,
        state: ReservationState::Released,
        lines: vec![StockLine { variant: VariantId::from_uuid(Uuid::nil()), quantity: 0 }],
        expires_at: now,
    };
    let row: Vec<_> = hold_rows(&hold, now).collect();
    Ok(tx.execute_rows(sql::ADD_HOLDS, params![], &row).await? == 1)
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
    key: ReservationKey,
    number: i64,
    line: StockLine,
    expires_at: Timestamp,
    state: ReservationState,
}

impl FromRow for Line {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            key: row.get(0)?,
            number: row.get(1)?,
            line: StockLine { variant: row.get(2)?, quantity: row.get(3)? },
            expires_at: row.get(4)?,
            state: state(row, 5)?,
        })
    }
}

/// Puts lines together again. All lines of a reservation share its state and its end.
fn reservations(mut lines: Vec<Line>) -> HashMap<ReservationKey, Reservation> {
    lines.sort_unstable_by_key(|line| (line.key, line.number));
    let whole = |lines: &[Line]| {
        let Line { key, state, expires_at, .. } = lines[0];
        let lines = lines.iter().map(|line| line.line).filter(|line| line.quantity > 0).collect();
        (key, Reservation { key, state, lines, expires_at })
    };
    lines.chunk_by(|a, b| a.key == b.key).map(whole).collect()
}

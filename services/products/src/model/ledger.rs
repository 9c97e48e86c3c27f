//! The ledger of a variant: lines of staff and of holds, told as one history.

use sha2::{Digest, Sha256};
use shoal_contract::products::{
    Movement, MovementId, MovementKind, ReservationKey, ReservationState, VariantId,
};
use shoal_types::{Cursor, Fault, Limit, Page, Timestamp};
use uuid::Uuid;

/// A line of the ledger before it is shown, with what orders it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) moment: Moment,
    pub(crate) movement: Movement,
}

/// The place of a line in the history. Of two lines of the same time, the one of the higher source comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    /// 0 for lines of staff and restocks, 1 for holds made, 2 for holds settled.
    pub(crate) source: u8,
    /// What tells lines of one source and time apart.
    pub(crate) tie: MovementId,
}

impl Moment {
    /// Lines of staff and restocks.
    pub(crate) const BOOKED: u8 = 0;
    /// Holds made.
    pub(crate) const HELD: u8 = 1;
    /// Holds settled.
    pub(crate) const SETTLED: u8 = 2;

    /// Reads the place of the last line seen; without a cursor, a place after all lines.
    ///
    /// # Errors
    /// `Invalid` for a cursor that is not of this list.
    pub(crate) fn from_cursor(cursor: Option<&Cursor>) -> Result<Self, Fault> {
        let last = MovementId::from_uuid(Uuid::max());
        let Some(cursor) = cursor else {
            return Ok(Self { at: Timestamp::from_micros(i64::MAX), source: u8::MAX, tie: last });
        };
        let [at, source, tie] = cursor.keys()?;
        let read = || {
            let at = Timestamp::from_micros(at.parse().ok()?);
            Some(Self { at, source: source.parse().ok()?, tie: tie.parse().ok()? })
        };
        read()
            .ok_or_else(|| Fault::invalid("cursor", "cursor", "expected the `next` value of an earlier page"))
    }

    fn cursor(&self) -> Cursor {
        let (at, source) = (self.at.as_micros().to_string(), self.source.to_string());
        Cursor::after(&[&at, &source, &self.tie.to_string()])
    }

    /// Where the lines of `source` go on: those before this time, and of this time those with a smaller tie than the
    /// one answered. Of a lower source all of this time follow, of a higher one none.
    pub(crate) fn bound(&self, source: u8) -> (Timestamp, Uuid) {
        let tie = match source.cmp(&self.source) {
            std::cmp::Ordering::Less => Uuid::max(),
            std::cmp::Ordering::Equal => self.tie.uuid(),
            std::cmp::Ordering::Greater => Uuid::nil(),
        };
        (self.at, tie)
    }
}

/// The newest lines of all sources as a page.
pub(crate) fn movements(mut entries: Vec<Entry>, limit: Limit) -> Page<Movement> {
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.moment));
    Page::cut(entries, limit, |entry| entry.moment.cursor()).map(|entry| entry.movement)
}

/// A hold of a variant, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeldLine {
    pub(crate) reservation: ReservationKey,
    pub(crate) variant: VariantId,
    pub(crate) quantity: i64,
}

impl HeldLine {
    /// The line of the hold being made.
    pub(crate) fn made(self, at: Timestamp) -> Entry {
        self.entry(MovementKind::Reserve, Moment::HELD, at, 0, self.quantity)
    }

    /// The line of the hold being settled; nothing while it is open.
    pub(crate) fn settled(self, state: ReservationState, at: Timestamp) -> Option<Entry> {
        let (kind, sold) = match state {
            ReservationState::Held => return None,
            ReservationState::Confirmed => (MovementKind::Confirm, self.quantity),
            ReservationState::Released => (MovementKind::Release, 0),
            ReservationState::Expired => (MovementKind::Expire, 0),
        };
        Some(self.entry(kind, Moment::SETTLED, at, -sold, -self.quantity))
    }

    fn entry(self, kind: MovementKind, source: u8, at: Timestamp, on_hand: i64, reserved: i64) -> Entry {
        let movement = Movement {
            id: movement_id(self.reservation, self.variant, source),
            kind,
            on_hand_change: on_hand,
            reserved_change: reserved,
            reservation: Some(self.reservation),
            reason: None,
            at,
        };
        Entry { moment: Moment { at, source, tie: self.reservation.cast() }, movement }
    }
}

/// The id of the line that a reservation, or a restock, leaves in a variant's ledger: the same each time it is asked.
pub(crate) fn movement_id(key: ReservationKey, variant: VariantId, source: u8) -> MovementId {
    let mut digest = Sha256::new();
    digest.update(key.uuid().as_bytes());
    digest.update(variant.uuid().as_bytes());
    digest.update([source]);
    let digest: [u8; 32] = digest.finalize().into();
    let mut bits = [0; 16];
    bits.copy_from_slice(&digest[..16]);
    MovementId::from_digest(bits)
}

//! Reserving: holds are made in rounds, for all that is asked of this node at the same time.
//!
//! A round first hopes that there is enough of everything: one insert, and one guarded update of the shelves with the
//! demand summed for each variant. If that fails it is rolled back, and the round looks: it reads what there is and
//! which keys were used before, decides in order of arrival, and tries again with those that fit. So the guard is the
//! truth, whatever happened between the look and the update, and a round that may hold nothing writes nothing.
//!
//! Nobody waits in a circle: whoever changes reservations and shelves locks reservations first and shelves after,
//! each in order of their ids (the subqueries of the statements see to it), and a look locks nothing. Holding the
//! shelves locked while deciding would break that: an insert may have to wait for another node that has the same key
//! in hand and waits for the shelf.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use shoal_contract::products::{Error, Reservation, ReservationKey, ReservationState, Reserve, VariantId};
use shoal_sql::{Database, Tx};
use shoal_types::{Context, Env};

use super::levels::Levels;
use crate::desk::Clerk;
use crate::error::{Stop, TRIES};
use crate::house::{House, system_only};
use crate::jobs::Alarm;
use crate::model::{self, Left, Verdict};
use crate::store::{self, NewHolds, Shelf};

/// The most variants remembered as scarce.
const SCARCE_MAX: usize = 10_000;

/// Holds stock for all lines or none.
pub(super) async fn reserve(house: &House, cx: &Context, request: Reserve) -> Result<Reservation, Error> {
    system_only(cx)?;
    let lines = model::demand(&request.lines)?;
    let (key, expires_at) = (request.key, request.expires_at);
    house.reserving.ask(cx, Reservation { key, state: ReservationState::Held, lines, expires_at }).await
}

/// Makes holds.
pub(crate) struct Reserving {
    db: Database,
    env: Env,
    levels: Levels,
    alarm: Arc<Alarm>,
    scarce: Scarce,
}

impl Clerk for Reserving {
    type Ask = Reservation;
    type Answer = Reservation;

    fn size(&self, hold: &Reservation) -> usize {
        hold.lines.len()
    }

    async fn round(&self, cx: &Context, asked: Vec<Reservation>) -> Vec<Result<Reservation, Error>> {
        match self.decide(cx, &asked).await {
            Ok(verdicts) => verdicts
                .into_iter()
                .enumerate()
                .map(|(place, verdict)| match verdict {
                    Verdict::Hold => Ok(asked[place].clone()),
                    Verdict::Repeat(first) => Ok(asked[first].clone()),
                    Verdict::Known(first) => Ok(first),
                    Verdict::Refused(error) => Err(error),
                })
                .collect(),
            Err(stop) => vec![Err(stop.into()); asked.len()],
        }
    }
}

impl Reserving {
    pub(crate) fn new(db: Database, env: Env, levels: Levels, alarm: Arc<Alarm>) -> Self {
        Self { db, env, levels, alarm, scarce: Scarce::default() }
    }

    /// Decides about each hold and makes those that fit.
    async fn decide(&self, cx: &Context, asked: &[Reservation]) -> Result<Vec<Verdict>, Stop> {
        if self.is_promising(asked) && self.hold(cx, asked.iter().collect()).await? {
            return Ok(vec![Verdict::Hold; asked.len()]);
        }
        for _ in 0..TRIES {
            let verdicts = self.look(cx, asked).await?;
            let fits = asked.iter().zip(&verdicts).filter(|(_, verdict)| **verdict == Verdict::Hold);
            if self.hold(cx, fits.map(|(hold, _)| hold).collect()).await? {
                return Ok(verdicts);
            }
        }
        Err(Stop::Overtaken)
    }

    /// Whether each key is asked for once and there was enough of everything last time.
    fn is_promising(&self, asked: &[Reservation]) -> bool {
        let mut keys = HashSet::with_capacity(asked.len());
        asked.iter().all(|hold| keys.insert(hold.key)) && !self.scarce.concerns(asked)
    }

    /// Makes all these holds or none, in two statements however many there are; whether it did. Two more where a level of
    /// stock is crossed.
    async fn hold(&self, cx: &Context, holds: Vec<&Reservation>) -> Result<bool, Stop> {
        let Some(soonest) = holds.iter().map(|hold| hold.expires_at).min() else { return Ok(true) };
        let demand = model::total(holds.iter().flat_map(|hold| &hold.lines));
        let rows = NewHolds::new(self.db.engine(), holds, self.env.now());
        let levels = self.levels.clone();
        let body = async move |tx: &mut Tx| {
            if !rows.insert(tx).await? {
                return Err(Stop::Overtaken);
            }
            let taken = store::take(tx, &demand).await?.ok_or(Stop::Overtaken)?;
            Ok(levels.tell(tx, &taken).await?)
        };
        match self.db.write(cx, body).await {
            Err(Stop::Overtaken) => return Ok(false),
            result => result?,
        }
        self.alarm.note(soonest);
        Ok(true)
    }

    /// Reads what there is and decides, without a lock.
    async fn look(&self, cx: &Context, asked: &[Reservation]) -> Result<Vec<Verdict>, Stop> {
        let demand = model::total(asked.iter().flat_map(|hold| &hold.lines));
        let variants: Vec<VariantId> = demand.iter().map(|line| line.variant).collect();
        let keys: Vec<ReservationKey> = asked.iter().map(|hold| hold.key).collect();
        let body = async move |tx: &mut shoal_sql::ReadTx| {
            // In this order: a hold that was made in between is found by its key, not taken for a shortage.
            let shelves = store::shelves(tx, variants.iter().copied()).await?;
            Ok::<_, Stop>((shelves, store::find_reservations(tx, keys.iter().copied()).await?))
        };
        let (shelves, earlier) = self.db.read(cx, body).await?;
        let left = left(shelves);
        for line in &demand {
            let enough = left.get(&line.variant).is_some_and(|left| left.available >= line.quantity);
            self.scarce.note(line.variant, enough);
        }
        Ok(model::allot(asked, &earlier, left))
    }
}

fn left(shelves: Vec<Shelf>) -> HashMap<VariantId, Left> {
    let for_sale = shelves.into_iter().filter(|shelf| !shelf.retired);
    let left = |shelf: Shelf| Left { available: shelf.counted.available(), sku: shelf.sku };
    for_sale.map(|shelf| (shelf.variant, left(shelf))).collect()
}

/// The variants of which the last look found too little for its round. Rounds that ask for them look first, until
/// one finds enough again: a sale that is over costs a read a round, and no write.
#[derive(Default)]
struct Scarce(Mutex<HashSet<VariantId>>);

impl Scarce {
    fn concerns(&self, asked: &[Reservation]) -> bool {
        let scarce = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let any = |hold: &Reservation| hold.lines.iter().any(|line| scarce.contains(&line.variant));
        !scarce.is_empty() && asked.iter().any(any)
    }

    fn note(&self, variant: VariantId, enough: bool) {
        let mut scarce = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if enough {
            scarce.remove(&variant);
            return;
        }
        if scarce.len() >= SCARCE_MAX {
            // What is scarce still is found out again by the next round that asks for it.
            scarce.clear();
        }
        scarce.insert(variant);
    }
}

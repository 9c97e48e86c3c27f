//! Settling: holds are sold or given back in rounds, for all that is asked of this node at the same time.

use shoal_contract::products::{Error, Reservation, ReservationKey, ReservationRef, ReservationState};
use shoal_sql::{Database, Tx};
use shoal_types::{Context, Env};

use super::levels::Levels;
use crate::desk::Clerk;
use crate::error::{Stop, TRIES};
use crate::house::{House, system_only};
use crate::store::{self, Settlement};

/// Turns a hold into a sale. A hold whose time has passed can be confirmed as long as it was not ended: its stock is
/// still held.
pub(super) async fn confirm(
    house: &House,
    cx: &Context,
    which: ReservationRef,
) -> Result<Reservation, Error> {
    system_only(cx)?;
    let found = house.confirming.ask(cx, which.key).await?;
    let confirmed = found.filter(|found| found.state == ReservationState::Confirmed);
    confirmed.ok_or(Error::ReservationGone {})
}

/// Gives a hold back. One that is confirmed stays so: sold goods come back by a restock.
pub(super) async fn release(
    house: &House,
    cx: &Context,
    which: ReservationRef,
) -> Result<Reservation, Error> {
    system_only(cx)?;
    for _ in 0..TRIES {
        if let Some(released) = house.releasing.ask(cx, which.key).await? {
            return Ok(released);
        }
        let (key, now) = (which.key, house.env.now());
        // A reserve that comes late, or right now, finds the key taken. It stays alone: in a round it would wait
        // for a key while others wait for the keys of the round.
        let body = async move |tx: &mut Tx| {
            if store::entomb(tx, key, now).await? { Ok(()) } else { Err(Stop::Overtaken) }
        };
        match house.db.write(cx, body).await {
            Err(Stop::Overtaken) => {}
            result => {
                let state = ReservationState::Released;
                return Ok(result.map(|()| Reservation {
                    key,
                    state,
                    lines: Vec::new(),
                    expires_at: now,
                })?);
            }
        }
    }
    Err(Stop::Overtaken.into())
}

/// Gives those of the holds back that are open and whose time has passed, and answers how many.
pub(crate) async fn expire(house: &House, cx: &Context, keys: Vec<ReservationKey>) -> Result<u64, Error> {
    let (now, levels) = (house.env.now(), house.levels.clone());
    let body = async move |tx: &mut Tx| {
        let settled = store::settle(tx, &keys, Settlement::Expire, now).await?;
        levels.tell(tx, &settled.moved).await?;
        Ok(settled.reservations.len() as u64)
    };
    Ok(house.db.write(cx, body).await.map_err(Stop::Database)?)
}

/// Ends holds in one way. Answers what became of a key, now or earlier; nothing if it was never used.
pub(crate) struct Settling {
    db: Database,
    env: Env,
    levels: Levels,
    how: Settlement,
}

impl Settling {
    pub(crate) fn new(db: Database, env: Env, levels: Levels, how: Settlement) -> Self {
        Self { db, env, levels, how }
    }
}

impl Clerk for Settling {
    type Ask = ReservationKey;
    type Answer = Option<Reservation>;

    fn size(&self, _: &ReservationKey) -> usize {
        1
    }

    async fn round(
        &self,
        cx: &Context,
        keys: Vec<ReservationKey>,
    ) -> Vec<Result<Option<Reservation>, Error>> {
        let (how, now, asked, levels) = (self.how, self.env.now(), keys.clone(), self.levels.clone());
        let body = async move |tx: &mut Tx| {
            let settled = store::settle(tx, &keys, how, now).await?;
            levels.tell(tx, &settled.moved).await?;
            let mut found = settled.reservations;
            let missing = keys.iter().filter(|key| !found.contains_key(key));
            let missing: Vec<ReservationKey> = missing.copied().collect();
            if !missing.is_empty() {
                found.extend(store::find_reservations(tx, missing).await?);
            }
            Ok::<_, Stop>(found)
        };
        match self.db.write(cx, body).await {
            Ok(found) => asked.iter().map(|key| Ok(found.get(key).cloned())).collect(),
            Err(stop) => vec![Err(stop.into()); asked.len()],
        }
    }
}

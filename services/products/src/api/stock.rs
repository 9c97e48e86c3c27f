//! Stock: what there is, what staff book, and the primitives of the saga.

use std::collections::{HashMap, HashSet};

use shoal_contract::check;
use shoal_contract::products::{
    AdjustStock, Error, ListMovements, LookUp, Movement, MovementKind, Reservation, ReservationKey,
    ReservationRef, ReservationState, Reserve, Restock, Stock, StockChange, StockLine, VariantId,
};
use shoal_queue::once;
use shoal_sql::Tx;
use shoal_types::{Context, Env, Page, Role, Timestamp};

use super::catalogue::find_by_skus;
use crate::error::{Stop, TRIES};
use crate::house::{House, may_see, system_only};
use crate::model::{self, Moment};
use crate::store::{self, NewMovement, Settlement, Shelf};

/// The rule that says a key was used before.
const KEY: &str = "holds.reservation_id, holds.line";
/// The rule that says a restock was booked before.
const MOVEMENT: &str = "movements.variant_id, movements.movement_id";
/// Tells the ids of restocks from those of holds.
const RESTOCK: u8 = 3;

/// The stock of SKUs, in their order.
pub(super) async fn get(house: &House, cx: &Context, asked: LookUp) -> Result<Vec<Option<Stock>>, Error> {
    let entries = find_by_skus(house, cx, &asked.skus).await?;
    let seen = entries.iter().zip(&asked.skus).filter_map(|(entry, sku)| {
        let entry = entry.as_ref().filter(|entry| may_see(&cx.caller, entry.product.status))?;
        entry.product.variants.iter().find(|variant| variant.sku == *sku)
    });
    let variants: Vec<_> = seen.map(|variant| variant.id).collect();
    if variants.is_empty() {
        return Ok(vec![None; asked.skus.len()]);
    }
    let shelves = house.db.read(cx, async move |tx| store::shelves(tx, variants.iter().copied()).await);
    let shelves = shelves.await.map_err(Stop::Database)?.into_iter();
    let shelves: HashMap<String, Shelf> = shelves.map(|shelf| (shelf.sku.clone(), shelf)).collect();
    Ok(asked.skus.iter().map(|sku| shelves.get(sku).cloned().map(Shelf::shown)).collect())
}

/// A page of a SKU's ledger.
pub(super) async fn list_movements(
    house: &House,
    cx: &Context,
    asked: ListMovements,
) -> Result<Page<Movement>, Error> {
    cx.caller.require(Role::Staff)?;
    let moment = Moment::from_cursor(asked.page.cursor.as_ref())?;
    let limit = asked.page.limit;
    let body = async move |tx: &mut shoal_sql::ReadTx| {
        let shelf = shelf(tx, &asked.sku).await?;
        Ok::<_, Stop>(store::list_entries(tx, shelf.variant, moment, limit).await?)
    };
    Ok(model::movements(house.db.read(cx, body).await?, limit))
}

async fn shelf(tx: &mut shoal_sql::ReadTx, sku: &str) -> Result<Shelf, Stop> {
    let found = store::shelves_of_skus(tx, [sku]).await?.pop();
    found.ok_or_else(|| Error::UnknownSku { sku: sku.to_owned() }.into())
}

/// Books what staff say of a SKU.
pub(super) async fn adjust(house: &House, cx: &Context, request: AdjustStock) -> Result<Stock, Error> {
    cx.caller.require(Role::Staff)?;
    check(&request.adjustment)?;
    for _ in 0..TRIES {
        let (env, request) = (house.env.clone(), request.clone());
        let body = async move |tx: &mut Tx| book(tx, &env, &request).await;
        match once(&house.db, cx, &house.env, "adjust_stock", body).await {
            Err(Stop::Overtaken) => {}
            result => return Ok(result?),
        }
    }
    Err(Stop::Overtaken.into())
}

async fn book(tx: &mut Tx, env: &Env, request: &AdjustStock) -> Result<Stock, Stop> {
    let mut shelf = shelf(tx, &request.sku).await?;
    let (adjustment, counted) = (&request.adjustment, shelf.counted);
    let booking = model::booking(adjustment.change, counted)?;
    if booking.short {
        let (requested, available) = (-booking.by, counted.available());
        return Err(Error::StockTooLow { sku: shelf.sku, requested, available }.into());
    }
    let done = match adjustment.change {
        StockChange::Count(pieces) => store::recount(tx, shelf.variant, counted.on_hand, pieces).await?,
        StockChange::Receive(_) | StockChange::Correct(_) => {
            store::book(tx, shelf.variant, booking.by).await?
        }
    };
    if !done {
        return Err(Stop::Overtaken);
    }
    let movement = NewMovement {
        id: env.id(),
        variant: shelf.variant,
        kind: booking.kind,
        on_hand_change: booking.by,
        reservation: None,
        reason: adjustment.reason.clone(),
        at: env.now(),
    };
    store::add_movements(tx, &[movement]).await?;
    shelf.counted.on_hand += booking.by;
    Ok(shelf.shown())
}

/// Holds stock for all lines or none. Two statements, however many lines.
pub(super) async fn reserve(house: &House, cx: &Context, request: Reserve) -> Result<Reservation, Error> {
    system_only(cx)?;
    let lines = model::demand(&request.lines)?;
    let (key, expires_at) = (request.key, request.expires_at);
    let hold = Reservation { key, state: ReservationState::Held, lines, expires_at };
    let now = house.env.now();
    let body = async move |tx: &mut Tx| {
        store::add_holds(tx, &hold, now).await?;
        let taken = store::take(tx, &hold.lines).await?;
        if taken.len() != hold.lines.len() {
            let taken = taken.into_iter().collect();
            return Err(shortage(tx, &hold.lines, &taken).await);
        }
        Ok(hold.clone())
    };
    match house.db.write(cx, body).await {
        Err(Stop::Database(error)) if error.is_unique(KEY) => first(house, cx, key).await,
        result => {
            let hold = result?;
            house.alarm.note(expires_at);
            Ok(hold)
        }
    }
}

/// Names the first line that could not be held: none that is among the `taken` ones.
async fn shortage(tx: &mut Tx, lines: &[StockLine], taken: &HashSet<VariantId>) -> Stop {
    let Some(line) = lines.iter().find(|line| !taken.contains(&line.variant)) else {
        return Stop::Overtaken;
    };
    match store::shelves(tx, [line.variant]).await.map(|mut shelves| shelves.pop()) {
        Err(error) => error.into(),
        Ok(Some(shelf)) if !shelf.retired => {
            let available = shelf.counted.available();
            Error::StockTooLow { sku: shelf.sku, requested: line.quantity, available }.into()
        }
        Ok(_) => Error::UnknownSku { sku: line.variant.to_string() }.into(),
    }
}

/// What the first reservation of a key became.
async fn first(house: &House, cx: &Context, key: ReservationKey) -> Result<Reservation, Error> {
    let found = house.db.read(cx, async move |tx| store::find_reservation(tx, key).await).await;
    let found = found.map_err(Stop::Database)?.ok_or(Stop::Overtaken)?;
    // Released before it was ever made: the caller that undid it does not expect it to hold anything.
    if found.lines.is_empty() { Err(Error::ReservationGone {}) } else { Ok(found) }
}

/// Turns a hold into a sale. Two statements, however many lines. A hold whose time has passed can be confirmed as
/// long as it was not ended: its stock is still held.
pub(super) async fn confirm(
    house: &House,
    cx: &Context,
    which: ReservationRef,
) -> Result<Reservation, Error> {
    system_only(cx)?;
    let (key, now) = (which.key, house.env.now());
    let body = async move |tx: &mut Tx| {
        if let Some(confirmed) = store::settle(tx, key, Settlement::Confirm, now).await? {
            return Ok(confirmed);
        }
        let found = store::find_reservation(tx, key).await?;
        let confirmed = found.filter(|found| found.state == ReservationState::Confirmed);
        confirmed.ok_or_else(|| Stop::from(Error::ReservationGone {}))
    };
    Ok(house.db.write(cx, body).await?)
}

/// Gives a hold back. One that is confirmed stays so: sold goods come back by a restock.
pub(super) async fn release(
    house: &House,
    cx: &Context,
    which: ReservationRef,
) -> Result<Reservation, Error> {
    system_only(cx)?;
    for _ in 0..TRIES {
        let (key, now) = (which.key, house.env.now());
        let body = async move |tx: &mut Tx| give_back(tx, key, now).await;
        match house.db.write(cx, body).await {
            Err(Stop::Overtaken) => {}
            result => return Ok(result?),
        }
    }
    Err(Stop::Overtaken.into())
}

async fn give_back(tx: &mut Tx, key: ReservationKey, now: Timestamp) -> Result<Reservation, Stop> {
    if let Some(released) = store::settle(tx, key, Settlement::Release, now).await? {
        return Ok(released);
    }
    if let Some(found) = store::find_reservation(tx, key).await? {
        return Ok(found);
    }
    // A reserve that comes late, or right now, finds the key taken.
    store::entomb(tx, key, now).await.map_err(|error| Stop::overtaken(error, &[KEY]))?;
    Ok(Reservation { key, state: ReservationState::Released, lines: Vec::new(), expires_at: now })
}

/// Gives a hold back if its time has passed; whether it was still open.
pub(crate) async fn expire(house: &House, cx: &Context, key: ReservationKey) -> Result<bool, Error> {
    let now = house.env.now();
    let body = async move |tx: &mut Tx| store::settle(tx, key, Settlement::Expire, now).await;
    Ok(house.db.write(cx, body).await.map_err(Stop::Database)?.is_some())
}

/// Books sold goods back in. Two statements, however many lines.
pub(super) async fn restock(house: &House, cx: &Context, request: Restock) -> Result<(), Error> {
    system_only(cx)?;
    let lines = model::demand(&request.lines)?;
    let (key, reason, now) = (request.key, request.reason, house.env.now());
    let body = async move |tx: &mut Tx| {
        let movements: Vec<NewMovement> = lines
            .iter()
            .map(|line| NewMovement {
                id: model::movement_id(key, line.variant, RESTOCK),
                variant: line.variant,
                kind: MovementKind::Restock,
                on_hand_change: line.quantity,
                reservation: Some(key),
                reason: reason.clone(),
                at: now,
            })
            .collect();
        store::add_movements(tx, &movements).await?;
        if store::put_back(tx, &lines).await? != lines.len() {
            return Err(unknown(tx, &lines).await);
        }
        Ok(())
    };
    match house.db.write(cx, body).await {
        Err(Stop::Database(error)) if error.is_unique(MOVEMENT) => Ok(()),
        result => Ok(result?),
    }
}

/// Names the first line without a shelf.
async fn unknown(tx: &mut Tx, lines: &[StockLine]) -> Stop {
    let shelves = match store::shelves(tx, lines.iter().map(|line| line.variant)).await {
        Ok(shelves) => shelves,
        Err(error) => return error.into(),
    };
    let absent = lines.iter().find(|line| !shelves.iter().any(|shelf| shelf.variant == line.variant));
    absent.map_or(Stop::Overtaken, |line| Error::UnknownSku { sku: line.variant.to_string() }.into())
}

/// The reservation of a key.
pub(super) async fn find(
    house: &House,
    cx: &Context,
    which: ReservationRef,
) -> Result<Option<Reservation>, Error> {
    system_only(cx)?;
    let found = house.db.read(cx, async move |tx| store::find_reservation(tx, which.key).await).await;
    Ok(found.map_err(Stop::Database)?)
}

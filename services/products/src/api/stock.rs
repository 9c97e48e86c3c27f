//! Stock: what there is, what staff book, what comes back. How it is held and sold is in `reserving` and `settling`.

use std::collections::HashMap;

use shoal_contract::check;
use shoal_contract::products::{
    AdjustStock, Error, ListMovements, LookUp, Movement, MovementKind, Reservation, ReservationRef, Restock,
    Stock, StockChange, StockLine,
};
use shoal_queue::once;
use shoal_sql::Tx;
use shoal_types::{Context, Env, Page, Role};

use super::catalogue::find_by_skus;
use super::levels::Levels;
use crate::error::{Stop, TRIES};
use crate::house::{House, may_see, system_only};
use crate::model::{self, Moment};
use crate::store::{self, NewMovement, Shelf};

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
        let (env, levels, request) = (house.env.clone(), house.levels.clone(), request.clone());
        let body = async move |tx: &mut Tx| book(tx, &env, &levels, &request).await;
        match once(&house.db, cx, &house.env, "adjust_stock", body).await {
            Err(Stop::Overtaken) => {}
            result => return Ok(result?),
        }
    }
    Err(Stop::Overtaken.into())
}

async fn book(tx: &mut Tx, env: &Env, levels: &Levels, request: &AdjustStock) -> Result<Stock, Stop> {
    let mut shelf = shelf(tx, &request.sku).await?;
    let (adjustment, counted) = (&request.adjustment, shelf.counted);
    let booking = model::booking(adjustment.change, counted)?;
    if booking.short {
        let (requested, available) = (-booking.by, counted.available());
        return Err(Error::StockTooLow { sku: shelf.sku, requested, available }.into());
    }
    let moved = match adjustment.change {
        StockChange::Count(pieces) => store::recount(tx, shelf.variant, counted.on_hand, pieces).await?,
        StockChange::Receive(_) | StockChange::Correct(_) => {
            store::book(tx, shelf.variant, booking.by).await?
        }
    };
    let moved = moved.ok_or(Stop::Overtaken)?;
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
    levels.tell(tx, &[moved]).await?;
    shelf.counted.on_hand += booking.by;
    Ok(shelf.shown())
}

/// Books sold goods back in. Two statements, however many lines, and two more where a level of stock is crossed.
pub(super) async fn restock(house: &House, cx: &Context, request: Restock) -> Result<(), Error> {
    system_only(cx)?;
    let lines = model::demand(&request.lines)?;
    let (key, reason, now) = (request.key, request.reason, house.env.now());
    let levels = house.levels.clone();
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
        let moved = store::put_back(tx, &lines).await?;
        if moved.len() != lines.len() {
            return Err(unknown(tx, &lines).await);
        }
        Ok(levels.tell(tx, &moved).await?)
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

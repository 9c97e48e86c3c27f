use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};
use shoal_contract::check;
use shoal_contract::events::OrderImported;
use shoal_contract::orders::{ImportOrders, Imported, Order, OrderId, PastOrder};
use shoal_sql::Tx;
use shoal_types::{Context, Fact, Fault, Id};

use crate::error::Error;
use crate::events::Happening;
use crate::house::{Inner, require_system};
use crate::model::past::adopted;
use crate::model::sales::{History, figures};
use crate::store::imports::{self, Adopted, Known};
use crate::store::sales::Counted;
use crate::store::{events, sales};

/// The most orders of one call.
const ORDERS_MAX: usize = 1_000;

/// A past order that passed all rules, and what it was made of.
struct Candidate {
    order: Order,
    hash: [u8; 32],
}

impl Inner {
    pub(super) async fn import_orders(
        &self,
        cx: &Context,
        request: ImportOrders,
    ) -> Result<Vec<Imported>, Error> {
        require_system(cx)?;
        if request.orders.len() > ORDERS_MAX {
            let message = format!("at most {ORDERS_MAX} orders at a time");
            return Err(Fault::invalid("orders", "too_long", message).into());
        }
        let candidates = self.candidates(request.orders);
        loop {
            match self.adopt(cx, &candidates, request.dry_run).await {
                Err(Error::Raced) => cx.deadline.check(&self.env)?,
                result => return result,
            }
        }
    }

    /// Checks each order by itself; those that may not come in are refused with the reason.
    fn candidates(&self, orders: Vec<PastOrder>) -> Vec<Result<Candidate, Fault>> {
        let now = self.env.now();
        let mut seen = HashSet::new();
        let mut candidate = |past: PastOrder| {
            check(&past)?;
            let id = id_of(&past);
            if !seen.insert(id) {
                return Err(Fault::invalid("number", "duplicate", "the order is in this call already"));
            }
            let hash = hash_of(&past)?;
            Ok(Candidate { order: adopted(past, id, now)?, hash })
        };
        orders.into_iter().map(&mut candidate).collect()
    }

    /// Writes what is new or has changed since it was imported, all in one transaction.
    async fn adopt(
        &self,
        cx: &Context,
        candidates: &[Result<Candidate, Fault>],
        dry_run: bool,
    ) -> Result<Vec<Imported>, Error> {
        let ids: Vec<_> = candidates.iter().flatten().map(|candidate| candidate.order.id).collect();
        let asked = ids.clone();
        let (known, mut counted) = self
            .db
            .read(cx, async move |tx| {
                let known = imports::find(tx, &asked).await?;
                let there: Vec<_> = known.iter().map(|known| known.order).collect();
                let counted = sales::find_counted(tx, &there).await?;
                Ok::<_, shoal_sql::Error>((known, counted))
            })
            .await?;
        let by_id: HashMap<_, _> = known.iter().map(|known| (known.order, known)).collect();
        let mut adopted = Adopted::default();
        let mut outcomes = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            outcomes.push(match candidate {
                Err(fault) => refusal(fault),
                Ok(candidate) => {
                    let known = by_id.get(&candidate.order.id).copied();
                    self.outcome(candidate, known, &mut adopted, &mut counted)?
                }
            });
        }
        if !dry_run && !adopted.is_empty() {
            self.db.write(cx, async move |tx| save(tx, &ids, &known, &adopted).await).await?;
        }
        Ok(outcomes)
    }

    /// What becomes of an order, and what there is to write for it.
    fn outcome(
        &self,
        candidate: &Candidate,
        known: Option<&Known>,
        adopted: &mut Adopted,
        counted: &mut Counted,
    ) -> Result<Imported, Error> {
        let mut order = candidate.order.clone();
        let outcome = match known {
            None => Imported::Created,
            Some(known) if known.import_hash == Some(candidate.hash) => return Ok(Imported::Unchanged),
            Some(known) if known.import_version != Some(known.version) => {
                let message = "the order was changed here since it was imported";
                return Ok(refusal(&Fault::invalid("number", "changed_here", message)));
            }
            Some(known) => {
                order.version = known.version + 1;
                Imported::Updated
            }
        };
        let message = format!("order {} was imported from {}", order.number, order.source);
        let happening = Happening::new(&order, message, |facts| OrderImported {
            order: facts,
            source: Some(order.source.clone()),
        });
        // It happened long ago: published already, so that nobody writes mail about it. So it is counted here.
        adopted.add(&order, candidate.hash, events::row(&happening, self.env.id(), true))?;
        adopted.count(&order, &figures(&order, &History::default(), &self.options.zone), counted)?;
        Ok(outcome)
    }
}

/// Writes, if what was known when it was decided still holds.
async fn save(tx: &mut Tx, ids: &[OrderId], known: &[Known], adopted: &Adopted) -> Result<(), Error> {
    if imports::find(tx, ids).await? != known {
        return Err(Error::Raced);
    }
    if imports::save(tx, adopted).await? { Ok(()) } else { Err(Error::Raced) }
}

/// The same for the same source and number, so that a second run finds the first.
fn id_of(past: &PastOrder) -> OrderId {
    let mut hash = Sha256::new();
    hash.update(&past.source);
    hash.update([0]);
    hash.update(&past.number);
    let digest: [u8; 32] = hash.finalize().into();
    let mut bits = [0; 16];
    bits.copy_from_slice(&digest[..16]);
    Id::from_digest(bits)
}

fn hash_of(past: &PastOrder) -> Result<[u8; 32], Fault> {
    let json = serde_json::to_vec(past).map_err(|error| {
        tracing::error!(%error, "a past order cannot be written as JSON");
        Fault::Internal {}
    })?;
    Ok(Sha256::digest(json).into())
}

/// The first thing that is wrong with an order, as its outcome.
fn refusal(fault: &Fault) -> Imported {
    let first = fault.violations().first();
    Imported::Refused {
        code: fault.code().to_owned(),
        field: first.map(|violation| violation.field.clone()),
        message: first.map_or_else(|| fault.to_string(), |violation| violation.message.clone()),
    }
}

//! What is told of stock when it crosses a level, in the transaction that moves it.
//!
//! Whoever moves stock has its shelf locked and knows from the row what there was before and is now. So each crossing is
//! found by exactly one transaction, whichever node's it is; only that one pays for telling it.

use std::collections::HashMap;

use shoal_contract::products::VariantId;
use shoal_queue::{Outgoing, append_all};
use shoal_sql::{Error, Tx};
use shoal_types::Env;

use crate::events::{StockSaid, stock};
use crate::model::Crossing;
use crate::store::{self, Moved, Told};

/// Tells of levels that are crossed.
#[derive(Clone)]
pub(crate) struct Levels {
    env: Env,
    /// Pieces from which on stock counts as low; 0 never tells of it.
    threshold: i64,
}

impl Levels {
    pub(crate) fn new(env: Env, threshold: i64) -> Self {
        Self { env, threshold }
    }

    /// Tells of the levels that `moved` shelves have crossed; no statement if none has.
    pub(crate) async fn tell(&self, tx: &mut Tx, moved: &[Moved]) -> Result<(), Error> {
        let for_sale = moved.iter().filter(|moved| !moved.retired);
        let crossed: Vec<(&Moved, Vec<Crossing>)> = for_sale
            .map(|moved| (moved, moved.change.crossings(self.threshold).collect::<Vec<_>>()))
            .filter(|(_, crossings)| !crossings.is_empty())
            .collect();
        if crossed.is_empty() {
            return Ok(());
        }
        let counts: Vec<(VariantId, usize)> =
            crossed.iter().map(|(moved, crossings)| (moved.variant, crossings.len())).collect();
        let told = store::count_told(tx, &counts).await?;
        let told: HashMap<VariantId, Told> = told.into_iter().map(|told| (told.variant, told)).collect();
        let events: Vec<Outgoing<StockSaid>> = crossed
            .iter()
            .filter_map(|(moved, crossings)| Some((moved, crossings, told.get(&moved.variant)?)))
            .flat_map(|(moved, crossings, told)| self.events(moved, crossings, told))
            .collect();
        append_all(tx, &events, &self.env).await
    }

    /// The events of one shelf, numbered up to what was counted.
    fn events(&self, moved: &Moved, crossings: &[Crossing], told: &Told) -> Vec<Outgoing<StockSaid>> {
        let first = told.sequence + 1 - crossings.len() as u64;
        let numbered = (first..).zip(crossings);
        numbered
            .map(|(sequence, crossing)| stock(*crossing, told, moved.change.after, self.threshold, sequence))
            .collect()
    }
}

//! What this house says: `checkout.failed`, in the commit that ends the saga. It hears nothing.

use shoal_contract::events::{CheckoutFailed, Data};
use shoal_contract::orders::Quote;
use shoal_queue::Outgoing;
use shoal_types::Fact;

use crate::saga::Stage;
use crate::store::Saga;

/// The event of a purchase that ended undone; none for another stage. `quote` is what it would have been, if that was
/// known.
///
/// It happened to what claims the saga, so that it lies where the saga does; the attempts under a key count as the
/// claim's versions.
pub(crate) fn failed(saga: &Saga, stage: &Stage, quote: Option<&Quote>) -> Option<Outgoing<CheckoutFailed>> {
    let Stage::Failed { error } = stage else { return None };
    Some(Outgoing {
        aggregate: saga.place.claim,
        sequence: u64::try_from(saga.place.attempt).unwrap_or_default() + 1,
        kind: CheckoutFailed::STORED,
        subject: saga.id.to_string(),
        data: CheckoutFailed::of(error.code(), quote),
    })
}

//! What this house says: `checkout.failed`, in the commit that ends the saga. It hears nothing.

use serde_json::{Value, json};
use shoal_contract::checkout::CheckoutId;
use shoal_contract::events::kinds;
use shoal_queue::Outgoing;
use shoal_types::Fact;

use crate::saga::Stage;

/// The event of a purchase that ended undone; none for another stage.
pub(crate) fn failed(id: CheckoutId, stage: &Stage) -> Option<Outgoing<Value>> {
    let Stage::Failed { error } = stage else { return None };
    Some(Outgoing::new(kinds::CHECKOUT_FAILED, id, 1, json!({ "code": error.code() })))
}

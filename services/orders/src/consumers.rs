//! Who of this house hears what happens.

use std::sync::Arc;

use async_trait::async_trait;
use shoal_contract::events::kinds;
use shoal_contract::orders::{Error as Told, OrderId};
use shoal_queue::{Consumer, Event};
use shoal_types::{Context, Fault};

use crate::house::{Inner, Orders};

impl Orders {
    /// Who of this house hears the events of [`Orders::outbox`].
    pub fn consumers(&self) -> Vec<Arc<dyn Consumer>> {
        vec![Arc::new(SalesFigures { house: Arc::clone(&self.inner) })]
    }
}

/// Keeps the figures of sales.
///
/// It takes from an event only which order changed, and counts what that order is by now. `counted_orders` is its inbox:
/// it knows for ever what an order has added, so an event that comes twice, late, or again after years adds nothing.
struct SalesFigures {
    house: Arc<Inner>,
}

#[async_trait]
impl Consumer for SalesFigures {
    fn name(&self) -> &'static str {
        "orders-sales"
    }

    fn wants(&self, kind: &str) -> bool {
        let counted =
            [kinds::ORDER_PAID, kinds::ORDER_CANCELLED, kinds::ORDER_RETURNED, kinds::ORDER_REFUNDED];
        counted.contains(&kind)
    }

    async fn handle(&self, cx: &Context, events: &[Event]) -> Result<(), Fault> {
        let mut orders: Vec<_> = events.iter().map(|event| OrderId::from_uuid(event.aggregate)).collect();
        orders.sort_unstable();
        orders.dedup();
        match self.house.count(cx, orders).await.map_err(Told::from) {
            Ok(()) => Ok(()),
            Err(Told::Fault(fault)) => Err(fault),
            Err(error) => {
                tracing::error!(%error, "sales could not be counted");
                Err(Fault::Internal {})
            }
        }
    }
}

//! Tell the order that the money has come.

use shoal_contract::checkout::{Error, order_of};
use shoal_contract::orders::MarkPaid;
use shoal_types::Context;

use super::Purchase;
use crate::error::Trouble;
use crate::house::Inner;
use crate::saga::Outcome;

impl Inner {
    pub(super) async fn mark_paid(&self, cx: &Context, purchase: &mut Purchase) -> Result<Outcome, Trouble> {
        let request = MarkPaid {
            order: order_of(purchase.id),
            amount: purchase.quote()?.totals.total,
            payment: purchase.payment_key(),
        };
        match self.orders.mark_paid(cx, request).await {
            Ok(order) => {
                purchase.order = Some(order);
                Ok(Outcome::Done)
            }
            // The money is taken: there is no way back, and somebody must look.
            Err(error) => {
                tracing::error!(checkout = %purchase.id, %error, "a paid order cannot be marked as paid; trying again");
                Err(Trouble::Unclear(Error::from(error)))
            }
        }
    }
}

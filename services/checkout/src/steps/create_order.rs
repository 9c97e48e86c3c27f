//! Create the order. Undo: cancel it.

use sha2::{Digest, Sha256};
use shoal_contract::checkout::{Error, order_of};
use shoal_contract::orders::{self, CancelOrder, CreateOrder, Order};
use shoal_types::Context;

use super::Purchase;
use crate::error::Trouble;
use crate::house::Inner;

impl Inner {
    pub(super) async fn create_order(&self, cx: &Context, purchase: &Purchase) -> Result<Order, Trouble> {
        let token_hash =
            purchase.input.order_token.as_ref().map(|token| Sha256::digest(token.expose()).into());
        let request = CreateOrder { checkout: purchase.id, token_hash, quote: purchase.quote()?.clone() };
        Ok(self.orders.create_order(cx, request).await.map_err(Error::from)?)
    }

    pub(super) async fn cancel_created_order(
        &self,
        cx: &Context,
        purchase: &Purchase,
    ) -> Result<(), Trouble> {
        let reason = Some("the checkout could not be completed".to_owned());
        let cancel = CancelOrder { order: order_of(purchase.id), reason };
        match self.orders.cancel_order(cx, cancel).await {
            Ok(_) | Err(orders::Error::UnknownOrder {}) => Ok(()),
            Err(error) => Err(Error::from(error).into()),
        }
    }
}

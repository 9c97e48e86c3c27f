//! The way a call takes from one service to another, on which something may happen to it.
//!
//! The messages are written and read as between two nodes, so that every test with a whole shop also tests that.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use shoal_contract::{orders, products};
use shoal_types::wire::{Call, Dispatch};
use shoal_types::{Context, Fault};

use crate::mishap::{Mishap, Mishaps, unreachable};

struct Wire {
    to: Arc<dyn Dispatch>,
    mishaps: Mishaps,
}

/// The product service as others reach it.
pub(crate) fn products(house: Arc<dyn products::Products>, mishaps: Mishaps) -> Arc<dyn products::Products> {
    let to = Arc::new(products::Local::new(house));
    Arc::new(products::Remote::new(Arc::new(Wire { to, mishaps })))
}

/// The order service as others reach it.
pub(crate) fn orders(house: Arc<dyn orders::Orders>, mishaps: Mishaps) -> Arc<dyn orders::Orders> {
    let to = Arc::new(orders::Local::new(house));
    Arc::new(orders::Remote::new(Arc::new(Wire { to, mishaps })))
}

#[async_trait]
impl Call for Wire {
    async fn call(
        &self,
        cx: &Context,
        service: &'static str,
        method: &'static str,
        body: Bytes,
        _: bool,
    ) -> Result<Bytes, Fault> {
        let call = format!("{service}.{method}");
        let carry_out = || self.to.dispatch(cx, method, body.clone());
        match self.mishaps.next(&call) {
            None => carry_out().await,
            Some(Mishap::Fails | Mishap::Declined) => Err(unreachable(&call)),
            Some(Mishap::Refused(answer)) => Ok(answer),
            Some(Mishap::Waits) => {
                self.mishaps.hold_back().await;
                carry_out().await
            }
            Some(Mishap::AnswerWaits) => {
                let answer = carry_out().await;
                self.mishaps.hold_back().await;
                answer
            }
            Some(Mishap::AnswerLost) => {
                carry_out().await?;
                Err(unreachable(&call))
            }
            Some(Mishap::Repeated) => {
                carry_out().await?;
                carry_out().await
            }
            Some(mishap @ Mishap::KilledBefore) => self.mishaps.die(&mishap).await,
            Some(mishap @ Mishap::KilledAfter) => {
                carry_out().await?;
                self.mishaps.die(&mishap).await
            }
        }
    }
}

//! The sagas after a purchase: cancellation, return, refund. They are short and only go forward: the first call may
//! be refused, then nothing has happened; each later one is repeated by its key until it is done.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shoal_contract::checkout::{CheckoutId, Error, PaymentStatus};
use shoal_contract::orders::{
    CancelOrder, MarkRefunded, Order, OrderId, OrderLine, OrderRef, RecordReturn, Return, ReturnBody,
};
use shoal_contract::products::{Restock, StockLine};
use shoal_types::{Context, Fault, Money};

use crate::error::{Trouble, backoff};
use crate::hold::Hold;
use crate::house::Inner;
use crate::payments::{PaymentProvider, ProviderError};
use crate::running::Stop;
use crate::saga::Stage;
use crate::steps::{Input, payment_key};
use crate::store::{self, Kind, Saga};

const CALL: Duration = Duration::from_secs(20);
const TRIES: u32 = 8;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CancelInput {
    pub(crate) order: OrderId,
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TakeBackInput {
    pub(crate) order: OrderId,
    pub(crate) body: ReturnBody,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RefundInput {
    pub(crate) order: OrderId,
    pub(crate) amount: Money,
}

/// What every input names.
#[derive(Debug, Deserialize)]
struct Subject {
    order: OrderId,
}

/// An order's payment: the provider it is at, and its key there.
struct Paid {
    provider: Arc<dyn PaymentProvider>,
    key: String,
}

impl Inner {
    /// Runs the saga to its end, or leaves it for later.
    pub(crate) async fn aftercare(&self, cx: &Context, saga: Saga) -> Result<Stop, Fault> {
        let (mut tries, stage, mut hold) = (0, saga.stage()?, Hold::new(self, &saga, cx));
        loop {
            let cx = cx.own_work(&self.env, CALL);
            match hold.through(&stage, self.attempt(&cx, &saga)).await? {
                Ok(stop) => {
                    self.end(&cx, &saga, &Stage::Completed).await?;
                    return Ok(stop);
                }
                Err(Trouble::Refused(error)) => {
                    self.end(&cx, &saga, &Stage::Failed { error: error.clone() }).await?;
                    return Ok(Stop::Failed(error));
                }
                Err(Trouble::Unclear(error)) if tries >= TRIES => {
                    tracing::warn!(saga = %saga.id, %error, "a saga is left for later");
                    return Ok(Stop::Stalled);
                }
                Err(Trouble::Unclear(_)) => {
                    tries += 1;
                    tokio::time::sleep(backoff(tries)).await;
                }
            }
        }
    }

    /// Does all of it once more; what was done before answers as it did then.
    async fn attempt(&self, cx: &Context, saga: &Saga) -> Result<Stop, Trouble> {
        let span = self.span(cx, saga.kind.as_str(), saga.id);
        let cx = &span.within(cx);
        let done = match saga.kind {
            Kind::TakeBack => self.take_goods_back(cx, saga.id, input(saga)?).await,
            Kind::Refund => self.refund_money(cx, saga.id, input(saga)?).await,
            Kind::Cancellation => self.cancel_all(cx, saga.id, input(saga)?).await,
            Kind::Purchase => {
                tracing::error!(saga = %saga.id, "a purchase has a driver of its own");
                Err(Trouble::Unclear(Fault::Internal {}.into()))
            }
        };
        span.ended(done)
    }

    /// How a saga ended that did not run here.
    pub(crate) async fn cared(&self, cx: &Context, saga: &Saga) -> Result<Stop, Error> {
        match saga.stage()? {
            Stage::Failed { error } => Ok(Stop::Failed(error)),
            Stage::Completed => {
                let Subject { order } = saga.input()?;
                let cx = cx.with_caller(shoal_types::Caller::System);
                let order = self.orders.get_order(&cx, OrderRef { order, token: None }).await?;
                if saga.kind != Kind::TakeBack {
                    return Ok(Stop::Ordered(Arc::new(order)));
                }
                let booked = order.returns.into_iter().find(|booked| booked.id == saga.id.cast());
                Ok(booked.map_or(Stop::Stalled, |booked| Stop::Returned(Arc::new(booked))))
            }
            _ => Ok(Stop::Stalled),
        }
    }

    async fn cancel_all(&self, cx: &Context, id: CheckoutId, input: CancelInput) -> Result<Stop, Trouble> {
        let cancel = CancelOrder { order: input.order, reason: input.reason };
        let mut order = self.orders.cancel_order(cx, cancel).await.map_err(Error::from)?;
        if let Some(paid) = self.payment_of(cx, input.order).await? {
            let found = paid.provider.find(cx, &paid.key).await?;
            match found.as_ref().map(|payment| payment.status) {
                Some(PaymentStatus::Captured) => {
                    let left = left_of(&order)?;
                    if left.amount > 0 {
                        let key = self.send_back(cx, id, &paid, &order, left).await?;
                        order = self.note_refund(cx, input.order, key, None, left).await?;
                    }
                }
                Some(PaymentStatus::Authorised | PaymentStatus::Pending) => {
                    paid.provider.void(cx, &paid.key).await?
                }
                Some(PaymentStatus::Voided | PaymentStatus::Declined) | None => {}
            }
        }
        self.book_in(cx, id, stock_of(&order.lines), "order cancelled").await?;
        Ok(Stop::Ordered(Arc::new(order)))
    }

    async fn take_goods_back(
        &self,
        cx: &Context,
        id: CheckoutId,
        input: TakeBackInput,
    ) -> Result<Stop, Trouble> {
        let record = RecordReturn { id: id.cast(), order: input.order, body: input.body };
        let mut booked = self.orders.record_return(cx, record).await.map_err(Error::from)?;
        if !booked.refunded
            && let Some(paid) = self.payment_of(cx, input.order).await?
        {
            // What was owed when it was booked; less if a refund has left less since.
            let order = self.order(cx, input.order).await?;
            let left = left_of(&order)?;
            let owed = if left.amount < booked.refund.amount { left } else { booked.refund };
            let key = self.send_back(cx, id, &paid, &order, owed).await?;
            self.note_refund(cx, input.order, key, Some(booked.id), owed).await?;
            booked.refunded = true;
        }
        if booked.restock {
            let order = self.order(cx, input.order).await?;
            self.book_in(cx, id, returned_stock(&order, &booked), "goods returned").await?;
        }
        Ok(Stop::Returned(Arc::new(booked)))
    }

    async fn refund_money(&self, cx: &Context, id: CheckoutId, input: RefundInput) -> Result<Stop, Trouble> {
        let order = self.order(cx, input.order).await?;
        let left = order.paid.minus(order.refunded).map_or(0, |left| left.amount);
        let Some(paid) = self.payment_of(cx, input.order).await? else {
            return Err(Trouble::Refused(Error::RefundTooLarge { left: 0 }));
        };
        let key = format!("{id}/refund");
        match paid.provider.refund(cx, &paid.key, &key, input.amount).await.map_err(Trouble::from) {
            Err(Trouble::Refused(_)) => return Err(Trouble::Refused(Error::RefundTooLarge { left })),
            sent => sent?,
        }
        let order = self.note_refund(cx, input.order, key, None, input.amount).await?;
        Ok(Stop::Ordered(Arc::new(order)))
    }

    /// Sends money back to the buyer, once for each saga; gives the refund's key. `order` is as it was when the amount
    /// was worked out.
    async fn send_back(
        &self,
        cx: &Context,
        id: CheckoutId,
        paid: &Paid,
        order: &Order,
        amount: Money,
    ) -> Result<String, Trouble> {
        let key = format!("{id}/refund");
        if amount.amount == 0 {
            return Ok(key);
        }
        match paid.provider.refund(cx, &paid.key, &key, amount).await {
            Ok(()) => Ok(key),
            Err(ProviderError::Declined { reason }) => {
                let found = paid.provider.find(cx, &paid.key).await?;
                Err(match found {
                    // Another refund was faster, and the order did not know of it yet: work it out anew.
                    Some(payment) if payment.refunded.amount > order.refunded.amount => {
                        Trouble::Unclear(Error::PaymentUnavailable {})
                    }
                    _ => Trouble::Refused(Error::PaymentDeclined { reason }),
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn payment_of(&self, cx: &Context, order: OrderId) -> Result<Option<Paid>, Trouble> {
        let Some(saga) = self.find(cx, order.cast()).await.map_err(Error::from)? else { return Ok(None) };
        let input: Input = saga.input().map_err(Error::from)?;
        let provider = Arc::clone(self.provider(&input.request.payment.provider)?);
        Ok(Some(Paid { provider, key: payment_key(saga.id) }))
    }

    async fn order(&self, cx: &Context, order: OrderId) -> Result<Order, Trouble> {
        Ok(self.orders.get_order(cx, OrderRef { order, token: None }).await.map_err(Error::from)?)
    }

    async fn note_refund(
        &self,
        cx: &Context,
        order: OrderId,
        key: String,
        for_return: Option<shoal_contract::orders::ReturnId>,
        amount: Money,
    ) -> Result<Order, Trouble> {
        let note = MarkRefunded { order, key, for_return, amount };
        // The money has gone back: whatever the order says, this must be noted.
        self.orders.mark_refunded(cx, note).await.map_err(|error| {
            tracing::error!(%order, %error, "a refund cannot be noted; trying again");
            Trouble::Unclear(Error::from(error))
        })
    }

    async fn book_in(
        &self,
        cx: &Context,
        id: CheckoutId,
        lines: Vec<StockLine>,
        why: &str,
    ) -> Result<(), Trouble> {
        if lines.is_empty() {
            return Ok(());
        }
        let restock = Restock { key: id.cast(), lines, reason: Some(why.to_owned()) };
        match self.products.restock(cx, restock).await {
            // A product that is gone has no shelf to go back to.
            Ok(()) | Err(shoal_contract::products::Error::UnknownSku { .. }) => Ok(()),
            Err(error) => Err(Error::from(error).into()),
        }
    }

    async fn end(&self, cx: &Context, saga: &Saga, stage: &Stage) -> Result<(), Fault> {
        let (handle, text, now) = (saga.handle(), store::text(stage)?, self.env.now());
        let finish = async move |tx: &mut shoal_sql::Tx| store::finish(tx, handle, &text, now).await;
        match self.db.write_grouped(cx, finish).await.map_err(Fault::from)? {
            true => Ok(()),
            false => Err(Fault::Unavailable { what: "the saga".to_owned() }),
        }
    }
}

fn input<T: DeserializeOwned>(saga: &Saga) -> Result<T, Trouble> {
    Ok(saga.input().map_err(Error::from)?)
}

/// What was paid and has not gone back.
fn left_of(order: &Order) -> Result<Money, Trouble> {
    Ok(order.paid.minus(order.refunded).map_err(|_| Fault::Internal {}).map_err(Error::from)?)
}

fn stock_of(lines: &[OrderLine]) -> Vec<StockLine> {
    let stocked =
        |line: &OrderLine| line.variant.map(|variant| StockLine { variant, quantity: line.quantity });
    lines.iter().filter_map(stocked).filter(|line| line.quantity > 0).collect()
}

fn returned_stock(order: &Order, booked: &Return) -> Vec<StockLine> {
    let stocked = |returned: &shoal_contract::orders::LineQuantity| {
        let line = order.lines.iter().find(|line| line.line == returned.line)?;
        line.variant.map(|variant| StockLine { variant, quantity: returned.quantity })
    };
    booked.lines.iter().filter_map(stocked).collect()
}

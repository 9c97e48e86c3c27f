//! The single calls of a purchase, a file for each step with its undo. Each is idempotent by the checkout's id.

mod authorise;
mod capture;
mod confirm_stock;
mod create_order;
mod mark_paid;
mod reserve;

use serde::{Deserialize, Serialize};
use shoal_contract::checkout::{CheckoutId, PlaceOrder};
use shoal_contract::orders::{Order, Quote};
use shoal_contract::users::UserId;
use shoal_types::{Context, Secret};

use crate::error::Trouble;
use crate::house::Inner;
use crate::saga::{Outcome, Step, Undo};

/// What a purchase began with; kept in its saga.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Input {
    pub(crate) request: PlaceOrder,
    pub(crate) customer: Option<UserId>,
    /// What lets a guest see the order.
    pub(crate) order_token: Option<Secret>,
}

/// Of an [`Input`] only whose it is, for answers that need no more.
#[derive(Debug, Deserialize)]
pub(crate) struct Buyer {
    pub(crate) customer: Option<UserId>,
    pub(crate) order_token: Option<Secret>,
}

/// A purchase under way, as its driver holds it.
pub(crate) struct Purchase {
    pub(crate) id: CheckoutId,
    pub(crate) input: Input,
    /// Fixed by the first step.
    pub(crate) quote: Option<Box<Quote>>,
    /// Made by the third, known as long as this driver lives.
    pub(crate) order: Option<Order>,
    /// Whether something may have been tried before: then the provider is asked what it knows first.
    pub(crate) resumed: bool,
}

impl Purchase {
    /// The key of the payment at the provider.
    pub(crate) fn payment_key(&self) -> String {
        payment_key(self.id)
    }

    /// The fixed quote. Every step after the first has one.
    fn quote(&self) -> Result<&Quote, Trouble> {
        self.quote.as_deref().ok_or_else(|| {
            tracing::error!(checkout = %self.id, "a saga past its reservation has no quote");
            Trouble::Unclear(shoal_types::Fault::Internal {}.into())
        })
    }
}

/// The key of a checkout's payment at the provider.
pub(crate) fn payment_key(id: CheckoutId) -> String {
    format!("{id}/authorise")
}

impl Inner {
    /// Runs a step.
    pub(crate) async fn perform(
        &self,
        cx: &Context,
        step: Step,
        purchase: &mut Purchase,
    ) -> Result<Outcome, Trouble> {
        let span = self.span(cx, step.as_str(), purchase.id);
        let cx = &span.within(cx);
        let done = match step {
            Step::Reserve => self.reserve(cx, purchase).await,
            Step::Authorise => self.authorise(cx, purchase).await,
            Step::Order => self.order_and_sell(cx, purchase).await,
            Step::Capture => self.capture(cx, purchase).await,
            Step::MarkPaid => self.mark_paid(cx, purchase).await,
        };
        span.ended(done)
    }

    /// Makes the order and sells its stock, at the same time. Unclear if either is: both are asked again then.
    async fn order_and_sell(&self, cx: &Context, purchase: &mut Purchase) -> Result<Outcome, Trouble> {
        match tokio::join!(self.create_order(cx, purchase), self.confirm_stock(cx, purchase)) {
            (Ok(order), Ok(())) => {
                purchase.order = Some(order);
                Ok(Outcome::Done)
            }
            (Err(unclear @ Trouble::Unclear(_)), _) | (_, Err(unclear @ Trouble::Unclear(_))) => Err(unclear),
            (Err(refused), _) | (_, Err(refused)) => Err(refused),
        }
    }

    /// Undoes a step. Harmless if there is nothing to undo; only trouble that may pass is answered.
    pub(crate) async fn undo(&self, cx: &Context, undo: Undo, purchase: &Purchase) -> Result<(), Trouble> {
        let span = self.span(cx, undo.as_str(), purchase.id);
        let cx = &span.within(cx);
        let undone = match undo {
            Undo::VoidPayment => self.void_payment(cx, purchase).await,
            Undo::CancelOrder => self.cancel_created_order(cx, purchase).await,
            Undo::ReturnStock => self.return_stock(cx, purchase).await,
            Undo::ThawCart => self.thaw_cart(cx, purchase).await,
        };
        match span.ended(undone) {
            Err(Trouble::Refused(error)) => {
                tracing::error!(checkout = %purchase.id, ?undo, %error, "an undo was refused; it counts as done");
                Ok(())
            }
            undone => undone,
        }
    }
}

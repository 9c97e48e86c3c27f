//! The contract's use cases.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use shoal_contract::check;
use shoal_contract::checkout::{self as contract, CheckoutId, CheckoutStatus, Error, Failure, PlaceOrder};
use shoal_contract::orders::{Order, OrderRef, Return};
use shoal_sql::Tx;
use shoal_types::{Caller, Context, Fact, Fault, Id, Idempotency, Role, Secret, User};
use subtle::ConstantTimeEq;

use crate::aftercare::{CancelInput, RefundInput, TakeBackInput};
use crate::claim::{Begun, take_claim};
use crate::elsewhere::{Elsewhere, MARGIN};
use crate::house::{Checkout, Inner};
use crate::running::{Stop, Waiting};
use crate::saga::Stage;
use crate::steps::{Buyer, Input, payment_key};
use crate::store::{self, Key, Kind, NewSaga, Saga};

#[async_trait]
impl contract::Checkouts for Checkout {
    async fn place(&self, cx: &Context, request: PlaceOrder) -> Result<contract::Checkout, Error> {
        check(&request)?;
        check_source(&request)?;
        self.inner.provider(&request.payment.provider)?;
        let idempotency = cx.idempotency.as_ref().ok_or(Error::KeyMissing {})?;
        let key = key(&cx.caller, "place", idempotency);
        let input = Input { customer: cx.caller.user(), order_token: self.order_token(&cx.caller), request };
        let (saga, waiting) =
            self.inner.begin(cx, Kind::Purchase, Some(key), &input, &Stage::Reserving).await?;
        self.inner.answer(cx, &saga, waiting).await
    }

    async fn get(&self, cx: &Context, request: contract::CheckoutRef) -> Result<contract::Checkout, Error> {
        let saga = self.inner.purchase_of(cx, request).await?;
        self.inner.describe(cx, &saga).await
    }

    async fn resume(
        &self,
        cx: &Context,
        request: contract::CheckoutRef,
    ) -> Result<contract::Checkout, Error> {
        let saga = self.inner.purchase_of(cx, request).await?;
        let waiting = self.inner.go_on(cx, &saga).await?;
        self.inner.answer(cx, &saga, waiting).await
    }

    async fn notify(&self, cx: &Context, request: contract::Notice) -> Result<(), Error> {
        let provider = self.inner.provider(&request.provider)?;
        let reported = provider.read_notice(cx, &request.body, request.signature.as_deref()).await?;
        let (name, at) = (provider.name(), self.inner.env.now());
        let event = reported.event.clone();
        let noted = async move |tx: &mut Tx| store::insert_notice(tx, name, &event, at).await;
        if !self.inner.db.write(cx, noted).await.map_err(Fault::from)? {
            tracing::debug!(provider = name, event = %reported.event, "a notice came again");
        }
        // Also for a repeat: the first may have died between noting and going on. A finished saga is not touched.
        let id = reported.key.split('/').next().and_then(|text| text.parse().ok());
        let Some(id) = id else { return Ok(()) };
        let Some(saga) = self.inner.find(cx, id).await? else { return Ok(()) };
        self.inner.tell(cx, &saga).await
    }

    async fn cancel(&self, cx: &Context, request: contract::Cancel) -> Result<Order, Error> {
        check(&request.body)?;
        let order = OrderRef { order: request.order, token: request.token };
        let order = self.inner.orders.get_order(cx, order).await?;
        let purchase: CheckoutId = order.id.cast();
        if let Some(saga) = self.inner.find(cx, purchase).await?
            && !saga.done
        {
            return Err(Error::StillProcessing { checkout: purchase.to_string() });
        }
        let input = CancelInput { order: order.id, reason: request.body.reason };
        // An order is cancelled once, whoever asks and how often.
        let once = Idempotency { key: order.id.to_string().into(), fingerprint: [0; 32] };
        let key = key(&Caller::System, "cancel", &once);
        match self.inner.care(cx, Kind::Cancellation, Some(key), &input).await? {
            Stop::Ordered(order) => Ok(Order::clone(&order)),
            stop => Err(unfinished(stop, purchase)),
        }
    }

    async fn take_back(&self, cx: &Context, request: contract::TakeBack) -> Result<Return, Error> {
        cx.caller.require(Role::Staff)?;
        check(&request.body)?;
        let key = cx.idempotency.as_ref().map(|idempotency| key(&cx.caller, "take_back", idempotency));
        let input = TakeBackInput { order: request.order, body: request.body };
        match self.inner.care(cx, Kind::TakeBack, key, &input).await? {
            Stop::Returned(booked) => Ok(Return::clone(&booked)),
            stop => Err(unfinished(stop, request.order.cast())),
        }
    }

    async fn refund(&self, cx: &Context, request: contract::Refund) -> Result<Order, Error> {
        cx.caller.require(Role::Staff)?;
        check(&request.body)?;
        let key = cx.idempotency.as_ref().map(|idempotency| key(&cx.caller, "refund", idempotency));
        let input = RefundInput { order: request.order, amount: request.body.amount };
        match self.inner.care(cx, Kind::Refund, key, &input).await? {
            Stop::Ordered(order) => Ok(Order::clone(&order)),
            stop => Err(unfinished(stop, request.order.cast())),
        }
    }

    async fn list_payments(
        &self,
        cx: &Context,
        request: contract::PaymentsOf,
    ) -> Result<Vec<contract::Payment>, Error> {
        cx.caller.require(Role::Staff)?;
        let Some(saga) = self.inner.find(cx, request.order.cast()).await? else {
            // An order from elsewhere was paid elsewhere; one that is not there is not found.
            let order = OrderRef { order: request.order, token: None };
            return Ok(self.inner.orders.get_order(cx, order).await.map(|_| Vec::new())?);
        };
        let input: Input = saga.input()?;
        let provider = self.inner.provider(&input.request.payment.provider)?;
        let payment = provider.find(cx, &payment_key(saga.id)).await;
        payment.map(|payment| payment.into_iter().collect()).map_err(|_| Error::PaymentUnavailable {})
    }
}

impl Checkout {
    fn order_token(&self, caller: &Caller) -> Option<Secret> {
        let guest = caller.user().is_none();
        guest.then(|| Secret::new(URL_SAFE_NO_PAD.encode(self.inner.env.rng().token())))
    }
}

impl Inner {
    /// Writes the saga and starts it; a repeat finds the first one, and what will tell how it stops.
    async fn begin<I: Serialize>(
        self: &std::sync::Arc<Self>,
        cx: &Context,
        kind: Kind,
        key: Option<Key>,
        input: &I,
        stage: &Stage,
    ) -> Result<(Saga, Option<Waiting>), Error> {
        let at = self.env.now();
        let new = NewSaga {
            id: self.env.id(),
            kind,
            key,
            owner: self.owner,
            wake_at: at.plus(self.options.lease),
            input: store::text(input)?,
            stage: store::text(stage)?,
            at,
        };
        // The turn is taken before anybody can find the saga: a race waits for it and does not take it over.
        let turn = self.running.begin(new.id);
        let begun = async move |tx: &mut Tx| take_claim(tx, &new).await;
        let first = match self.db.write_grouped(cx, begun).await? {
            Begun::Here(saga) => {
                let waiting = match turn {
                    Err(waiting) => waiting,
                    Ok((turn, waiting)) => {
                        self.start(cx, turn, Saga::clone(&saga), false);
                        waiting
                    }
                };
                return Ok((*saga, Some(waiting)));
            }
            Begun::Before(saga) => *saga,
        };
        drop(turn);
        let fingerprint = key.map(|key| key.fingerprint.to_vec());
        if first.fingerprint != fingerprint {
            return Err(Fault::IdempotencyKeyReused {}.into());
        }
        let waiting = self.running.find(first.id);
        Ok((first, waiting))
    }

    /// Takes an unfinished saga up that nobody else holds. One that runs here already looks again for what is known of
    /// its payment.
    pub(crate) async fn go_on(
        self: &std::sync::Arc<Self>,
        cx: &Context,
        saga: &Saga,
    ) -> Result<Option<Waiting>, Fault> {
        self.take(cx, saga, |saga| !saga.is_held_against(self.owner, self.env.now())).await
    }

    /// Takes an unfinished saga up whose owner is known to be gone.
    pub(crate) async fn take_over(
        self: &std::sync::Arc<Self>,
        cx: &Context,
        saga: &Saga,
    ) -> Result<Option<Waiting>, Fault> {
        self.take(cx, saga, |_| true).await
    }

    async fn take(
        self: &std::sync::Arc<Self>,
        cx: &Context,
        saga: &Saga,
        may: impl Fn(&Saga) -> bool + Send,
    ) -> Result<Option<Waiting>, Fault> {
        // First the turn, then the claim: whoever claims runs it.
        let (turn, waiting) = match self.running.begin_with_news(saga.id) {
            Err(waiting) => return Ok(Some(waiting)),
            Ok(turn) => turn,
        };
        // It may have gone on since it was read.
        let found = self.find(cx, saga.id).await?.filter(|saga| !saga.done && may(saga));
        let Some(saga) = found else { return Ok(None) };
        let Some(saga) = self.claim(cx, saga).await? else { return Ok(None) };
        tracing::info!(saga = %saga.id, kind = saga.kind.as_str(), "a saga is taken up");
        self.start(cx, turn, saga, true);
        Ok(Some(waiting))
    }

    /// Waits for the saga as long as the caller may, then says where it is.
    async fn answer(
        self: &std::sync::Arc<Self>,
        cx: &Context,
        saga: &Saga,
        waiting: Option<Waiting>,
    ) -> Result<contract::Checkout, Error> {
        let waiting = match waiting {
            Some(waiting) => waiting,
            None => match self.elsewhere(cx, saga).await? {
                Elsewhere::Here(waiting) => waiting,
                Elsewhere::Late => return Ok(processing(saga)?),
                Elsewhere::Stopped(saga) => {
                    return match saga.stage()? {
                        // As the first one was answered.
                        Stage::Failed { error } => Err(error),
                        _ => self.describe(cx, &saga).await,
                    };
                }
            },
        };
        let stop = self.wait(cx, waiting).await;
        let checkout = processing(saga)?;
        match stop {
            Some(Stop::Ordered(order)) => {
                let order = std::sync::Arc::unwrap_or_clone(order);
                Ok(contract::Checkout { status: CheckoutStatus::Completed, order: Some(order), ..checkout })
            }
            Some(Stop::Failed(error)) => Err(error),
            Some(Stop::Awaiting { redirect_url }) => Ok(contract::Checkout {
                status: CheckoutStatus::AwaitingPayment,
                redirect_url: Some(redirect_url),
                ..checkout
            }),
            Some(Stop::Returned(_) | Stop::Stalled) | None => Ok(checkout),
        }
    }

    /// How it stops; `None` if the caller's time runs out first.
    async fn wait(&self, cx: &Context, waiting: Waiting) -> Option<Stop> {
        let patience = cx.deadline.remaining(&self.env).saturating_sub(MARGIN);
        tokio::time::timeout(patience, waiting.stop()).await.ok()
    }

    /// Where a checkout is, from the log.
    async fn describe(&self, cx: &Context, saga: &Saga) -> Result<contract::Checkout, Error> {
        let mut checkout = processing(saga)?;
        match saga.stage()? {
            Stage::Completed => {
                let order = OrderRef { order: saga.id.cast(), token: None };
                checkout.order = Some(self.orders.get_order(&cx.with_caller(Caller::System), order).await?);
                checkout.status = CheckoutStatus::Completed;
            }
            Stage::Failed { error } => {
                checkout.failure =
                    Some(Failure { code: error.code().to_owned(), message: error.to_string() });
                checkout.status = CheckoutStatus::Failed;
            }
            Stage::Awaiting { redirect_url } => {
                checkout.redirect_url = Some(redirect_url);
                checkout.status = CheckoutStatus::AwaitingPayment;
            }
            Stage::Reserving | Stage::Authorising | Stage::Capturing | Stage::Undoing { .. } => {}
        }
        Ok(checkout)
    }

    /// The purchase of an id, if the caller may know of it: its buyer, staff, or for a guest's whoever has its token.
    async fn purchase_of(&self, cx: &Context, request: contract::CheckoutRef) -> Result<Saga, Error> {
        let saga = self.find(cx, request.checkout).await?.filter(|saga| saga.kind == Kind::Purchase);
        let saga = saga.ok_or(Error::UnknownCheckout {})?;
        let buyer: Buyer = saga.input()?;
        let owner: Option<Id<User>> = buyer.customer;
        let own = match owner {
            Some(owner) => cx.caller.user() == Some(owner),
            None => same(buyer.order_token.as_ref(), request.token.as_ref()),
        };
        if own || cx.caller.has(Role::Staff) { Ok(saga) } else { Err(Error::UnknownCheckout {}) }
    }

    pub(crate) async fn find(&self, cx: &Context, id: CheckoutId) -> Result<Option<Saga>, Fault> {
        self.db.read(cx, async move |tx| store::find(tx, id).await).await.map_err(Fault::from)
    }

    /// Runs a saga after the purchase, or finds the one that ran under the same key.
    async fn care<I: Serialize>(
        self: &std::sync::Arc<Self>,
        cx: &Context,
        kind: Kind,
        key: Option<Key>,
        input: &I,
    ) -> Result<Stop, Error> {
        let (saga, waiting) = self.begin(cx, kind, key, input, &Stage::Reserving).await?;
        let waiting = match waiting {
            Some(waiting) => waiting,
            None => match self.elsewhere(cx, &saga).await? {
                Elsewhere::Here(waiting) => waiting,
                Elsewhere::Stopped(saga) => return self.cared(cx, &saga).await,
                Elsewhere::Late => return Ok(Stop::Stalled),
            },
        };
        Ok(self.wait(cx, waiting).await.unwrap_or(Stop::Stalled))
    }
}

/// Whether both are there and the same, compared in the same time wherever they differ.
fn same(kept: Option<&Secret>, given: Option<&Secret>) -> bool {
    let Some((kept, given)) = kept.zip(given) else { return false };
    kept.expose().as_bytes().ct_eq(given.expose().as_bytes()).into()
}

/// A checkout of which no more is known than that it has begun.
fn processing(saga: &Saga) -> Result<contract::Checkout, Fault> {
    let buyer: Buyer = saga.input()?;
    Ok(contract::Checkout {
        id: saga.id,
        status: CheckoutStatus::Processing,
        order: None,
        order_token: buyer.order_token,
        redirect_url: None,
        failure: None,
        created_at: saga.created_at,
    })
}

fn check_source(request: &PlaceOrder) -> Result<(), Fault> {
    match (request.cart, request.lines.is_empty()) {
        (Some(_), true) => Ok(()),
        (Some(_), false) => Err(Fault::invalid("lines", "exclusive", "either `cart` or `lines`, not both")),
        (None, true) => {
            Err(Fault::invalid("cart", "required", "name a `cart`, or the `lines` to buy without one"))
        }
        (None, false) if request.email.is_none() => {
            Err(Fault::invalid("email", "required", "without a cart an e-mail address is needed"))
        }
        (None, false) => Ok(()),
    }
}

fn unfinished(stop: Stop, checkout: CheckoutId) -> Error {
    match stop {
        Stop::Failed(error) => error,
        _ => Error::StillProcessing { checkout: checkout.to_string() },
    }
}

/// A caller's key for an operation. Another caller's, or another operation's, is another key.
fn key(caller: &Caller, operation: &'static str, idempotency: &Idempotency) -> Key {
    Key { hash: shoal_queue::key_hash(caller, operation, idempotency), fingerprint: idempotency.fingerprint }
}

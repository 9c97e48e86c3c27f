//! What a checkout does to its order: make it, pay it, cancel it, give money back.

use shoal_contract::checkout::{CheckoutId, order_of};
use shoal_contract::events::{OrderCancelled, OrderFacts, OrderPaid, OrderPlaced, OrderRefunded, SoldLine};
use shoal_contract::orders::{
    CancelOrder, CartId, CartStatus, CreateOrder, Error as Told, MarkPaid, MarkRefunded, Order, OrderId,
    OrderStatus,
};
use shoal_sql::{ReadTx, Tx};
use shoal_types::{Context, Fault};

use crate::error::Error;
use crate::events::{Happening, because, moved};
use crate::house::{Inner, require_system};
use crate::model::lifecycle::{WEB, may_cancel, placed, refused};
use crate::model::number::order_number;
use crate::store::carts::CartRow;
use crate::store::orders::NewOrder;
use crate::store::{carts, events, orders, parts};

/// The key of an order's events: who refuses an order takes the place of the first.
const FIRST_EVENT: &str = "order_events.order_id, order_events.sequence";

impl Inner {
    /// Closes the cart, then makes the order of it: order, lines and event in one commit, whatever the number of lines.
    /// Each commit writes under one id, and whoever repeats the call goes on where the last one stopped.
    pub(super) async fn create_order(&self, cx: &Context, request: CreateOrder) -> Result<Order, Error> {
        require_system(cx)?;
        let (checkout, cart, now) = (request.checkout, request.quote.cart, self.env.now());
        if let Some(cart) = cart
            && !self.close_cart(cx, cart, checkout).await?
        {
            // An order that was made before stands, even if its cart is gone by now.
            return match self.existing(cx, order_of(checkout)).await? {
                Some(order) => Ok(order),
                None => Err(self.not_frozen(cx, cart).await),
            };
        }
        let token_hash = request.token_hash;
        let order = placed(request, order_number(order_of(checkout)), now);
        let new = NewOrder::of(&order, token_hash)?;
        let message = format!("order {} was placed", order.number);
        let happening = Happening::new(&order, message, |facts| OrderPlaced::of(&order, facts));
        let event = [events::row(&happening, self.env.id(), false)];
        let id = order.id;
        let body = async move |tx: &mut Tx| {
            if !orders::insert(tx, &new).await? {
                return find(tx, id).await.map(Some);
            }
            events::append(tx, &event).await?;
            Ok(None)
        };
        match (self.transact_grouped(cx, body).await, cart) {
            (Ok(earlier), _) => Ok(earlier.unwrap_or(order)),
            // The checkout was undone meanwhile, and its cart given back.
            (Err(Error::Sql(error)), Some(cart)) if error.is_unique(FIRST_EVENT) => {
                Err(self.not_frozen(cx, cart).await)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Closes the cart that the checkout has frozen; whether it is closed for this checkout.
    async fn close_cart(&self, cx: &Context, cart: CartId, checkout: CheckoutId) -> Result<bool, Error> {
        let now = self.env.now();
        let body = async move |tx: &mut Tx| {
            if carts::close(tx, cart, checkout, now).await? {
                return Ok(true);
            }
            let found = carts::find(tx, cart).await?;
            let before =
                |cart: CartRow| cart.status == CartStatus::Ordered && cart.checkout == Some(checkout);
            Ok(found.is_some_and(before))
        };
        self.transact_grouped(cx, body).await
    }

    async fn existing(&self, cx: &Context, order: OrderId) -> Result<Option<Order>, Error> {
        Ok(self.db.read(cx, async move |tx| orders::find(tx, order).await).await?)
    }

    /// Why an order's cart could not be closed: it is no longer frozen for this checkout, so nothing is ordered.
    async fn not_frozen(&self, cx: &Context, cart: CartId) -> Error {
        match self.db.read(cx, async move |tx| carts::find(tx, cart).await).await {
            Ok(None) => Told::UnknownCart {}.into(),
            Ok(Some(cart)) => match super::access::require_open(&cart) {
                Ok(()) => Told::CartChanged { version: cart.version }.into(),
                Err(error) => error.into(),
            },
            Err(error) => Error::Sql(error),
        }
    }

    /// Sees to it that the order is not made any more; `false` if it stands.
    pub(super) async fn refuse_order(&self, cx: &Context, order: OrderId) -> Result<bool, Error> {
        let (now, event) = (self.env.now(), self.env.id());
        let body = async move |tx: &mut Tx| {
            if events::refuse(tx, order, event, now).await? {
                return Ok(true);
            }
            let made = orders::find_row(tx, order).await?;
            Ok(made.is_none_or(|order| order.status == OrderStatus::Cancelled))
        };
        self.transact(cx, body).await
    }

    pub(super) async fn mark_paid(&self, cx: &Context, request: MarkPaid) -> Result<Order, Error> {
        require_system(cx)?;
        let (now, event) = (self.env.now(), self.env.id());
        let body = async move |tx: &mut Tx| {
            let Some(row) = orders::pay(tx, &request, now).await? else {
                return Ok(Paid::Before(Box::new(paid_before(tx, &request).await?)));
            };
            let message = format!("{} were paid", request.amount);
            let happening = Happening::new(&row, message, |facts| OrderPaid {
                order: facts,
                amount: Some(request.amount),
            });
            events::append(tx, &[events::row(&happening, event, false)]).await?;
            // Nothing of an order placed here was sent before it is paid: it has no parts to read.
            Ok(match row.source.as_str() {
                WEB => Paid::Now(row),
                _ => Paid::Before(Box::new(orders::whole(tx, row).await?)),
            })
        };
        Ok(match self.transact_grouped(cx, body).await? {
            Paid::Now(row) => row.order()?,
            Paid::Before(order) => *order,
        })
    }

    pub(super) async fn cancel_order(&self, cx: &Context, request: CancelOrder) -> Result<Order, Error> {
        require_system(cx)?;
        let (now, event) = (self.env.now(), self.env.id());
        let body = async move |tx: &mut Tx| {
            let Some(mut order) = orders::find(tx, request.order).await? else {
                // A call that would still make it, of a checkout that is being undone elsewhere, meets the key.
                events::refuse(tx, request.order, event, now).await?;
                let made = orders::find_row(tx, request.order).await?.is_some();
                return if made { Err(Error::Raced) } else { Ok(None) };
            };
            if order.status == OrderStatus::Cancelled {
                return Ok(Some(order));
            }
            if !may_cancel(order.status) {
                return Err(refused(order.status).into());
            }
            order.status = OrderStatus::Cancelled;
            if !orders::change(tx, &mut order, now).await? {
                return Err(Error::Raced);
            }
            let message = because("the order was cancelled", request.reason.as_deref());
            let happening = Happening::new(&order, message, |facts| OrderCancelled {
                order: facts,
                lines: order.lines.iter().map(SoldLine::from).collect(),
                paid: Some(order.paid),
            });
            events::append(tx, &[events::row(&happening, event, false)]).await?;
            Ok(Some(order))
        };
        Ok(self.transact(cx, body).await?.ok_or(Told::UnknownOrder {})?)
    }

    pub(super) async fn mark_refunded(&self, cx: &Context, request: MarkRefunded) -> Result<Order, Error> {
        require_system(cx)?;
        let (now, event) = (self.env.now(), self.env.id());
        let body = async move |tx: &mut Tx| {
            let mut order = find(tx, request.order).await?;
            if let Some(earlier) = parts::find_refund(tx, order.id, &request.key).await? {
                let same = earlier == request.amount.amount;
                return if same { Ok(order) } else { Err(Fault::IdempotencyKeyReused {}.into()) };
            }
            refund(&mut order, &request)?;
            if !parts::insert_refund(tx, &request, now).await? || !orders::change(tx, &mut order, now).await?
            {
                return Err(Error::Raced);
            }
            if let Some(id) = request.for_return {
                parts::settle_return(tx, order.id, id).await?;
            }
            let message = format!("{} were paid back", request.amount);
            let happening = Happening::new(&order, message, |facts| paid_back(&order, &request, facts));
            events::append(tx, &[events::row(&happening, event, false)]).await?;
            Ok(order)
        };
        self.transact(cx, body).await
    }
}

/// An order that is paid, by this call or by one before.
enum Paid {
    Now(orders::OrderRow),
    Before(Box<Order>),
}

/// The whole order.
///
/// # Errors
/// `UnknownOrder`.
pub(super) async fn find(tx: &mut ReadTx, order: OrderId) -> Result<Order, Error> {
    Ok(orders::find(tx, order).await?.ok_or(Told::UnknownOrder {})?)
}

/// The order of a payment that changed nothing, because it came before.
///
/// # Errors
/// `UnknownOrder`; `OrderState` if it was cancelled; `Invalid` if it waits for another sum.
async fn paid_before(tx: &mut ReadTx, request: &MarkPaid) -> Result<Order, Error> {
    let order = find(tx, request.order).await?;
    match order.status {
        OrderStatus::Cancelled => Err(refused(order.status).into()),
        OrderStatus::Placed => {
            let message = format!("the order comes to {}", order.totals.total);
            Err(Fault::invalid("amount", "other_sum", message).into())
        }
        _ => Ok(order),
    }
}

/// What is told of money that went back.
fn paid_back(order: &Order, request: &MarkRefunded, facts: OrderFacts) -> OrderRefunded {
    let goods = order.returns.iter().find(|goods| Some(goods.id) == request.for_return);
    OrderRefunded {
        order: facts,
        amount: Some(request.amount),
        refunded: Some(order.refunded),
        id: request.for_return,
        lines: goods.map_or_else(Vec::new, |goods| moved(order, &goods.lines)),
    }
}

/// Counts money as gone back.
///
/// # Errors
/// `Invalid` for another currency, a negative sum, more than is left, or a return that is not the order's.
fn refund(order: &mut Order, request: &MarkRefunded) -> Result<(), Fault> {
    let left = order.paid.amount.saturating_sub(order.refunded.amount);
    let wrong = |rule: &str, message: String| Fault::invalid("amount", rule, message);
    if request.amount.currency != order.paid.currency {
        return Err(wrong("currency", format!("the order was paid in {}", order.paid.currency)));
    }
    if !(0..=left.max(0)).contains(&request.amount.amount) {
        return Err(wrong("range", format!("only {left} minor units are left to refund")));
    }
    if let Some(id) = request.for_return {
        let goods = order.returns.iter_mut().find(|goods| goods.id == id);
        let goods =
            goods.ok_or_else(|| Fault::invalid("for_return", "unknown", "the order has no such return"))?;
        goods.refunded = true;
    }
    order.refunded.amount += request.amount.amount;
    Ok(())
}

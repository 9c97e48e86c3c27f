//! The orchestrator's writing half: sagas that reserve, take payment, order, and undo.

use garde::Validate;
use serde::{Deserialize, Serialize};
use shoal_types::{Currency, Id, Money, Noun, Secret, Timestamp};
use utoipa::ToSchema;

use crate::orders::{CartId, LineBody, Order, OrderId, Return, ReturnBody};
use crate::products::ReservationKey;
use crate::service::service;
use crate::{Address, rules};

/// Marks the ids of checkouts.
#[derive(Debug)]
pub struct CheckoutNoun;

impl Noun for CheckoutNoun {
    const PREFIX: &'static str = "checkout";
}

/// A checkout's id: its saga, and with the same bits its order and its reservation.
pub type CheckoutId = Id<CheckoutNoun>;

/// The order a checkout makes: the same bits, so that trying again finds the first one.
pub const fn order_of(checkout: CheckoutId) -> OrderId {
    checkout.cast()
}

/// The hold on stock a checkout makes: the same bits.
pub const fn reservation_of(checkout: CheckoutId) -> ReservationKey {
    checkout.cast()
}

/// Buys a cart, or lines without one.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct PlaceOrder {
    /// The cart; then lines, currency, addresses and method come from it.
    #[serde(default)]
    pub cart: Option<CartId>,
    /// What to buy without a cart, at most 500 lines; lines of one SKU are summed.
    #[serde(default)]
    #[garde(length(max = 500), dive)]
    #[schema(max_items = 500)]
    pub lines: Vec<LineBody>,
    /// What to pay in, without a cart; the shop's currency if absent.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Where the confirmation goes, without a cart.
    #[serde(default)]
    #[garde(custom(rules::email_opt))]
    #[schema(format = Email, max_length = 254)]
    pub email: Option<String>,
    /// Where the goods go, without a cart.
    #[serde(default)]
    #[garde(dive)]
    pub shipping_address: Option<Address>,
    /// Where the bill goes, without a cart.
    #[serde(default)]
    #[garde(dive)]
    pub billing_address: Option<Address>,
    /// The shipping method's code, without a cart.
    #[serde(default)]
    #[garde(custom(rules::slug_opt))]
    #[schema(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", max_length = 120)]
    pub shipping_method: Option<String>,
    /// For the shop, without a cart.
    #[serde(default)]
    #[garde(length(chars, max = 2000), custom(rules::paragraphs_opt))]
    #[schema(max_length = 2000)]
    pub note: Option<String>,
    /// What the buyer was shown; if the total is another by now nothing is bought.
    #[serde(default)]
    pub expected_total: Option<Money>,
    /// How it is paid.
    #[garde(dive)]
    pub payment: PaymentMethod,
}

/// How a checkout is paid.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct PaymentMethod {
    /// The payment provider: `test` is built in.
    #[serde(default = "test_provider")]
    #[garde(custom(rules::slug))]
    #[schema(min_length = 1, max_length = 120, example = "test")]
    pub provider: String,
    /// The provider's token for the card; never a card number.
    #[garde(custom(visible_token))]
    #[schema(value_type = String, min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "tok_success")]
    pub token: Secret,
}

fn test_provider() -> String {
    "test".into()
}

fn visible_token(token: &Secret, _: &()) -> garde::Result {
    let visible = token.expose().bytes().all(|byte| byte.is_ascii_graphic());
    if visible && (1..=200).contains(&token.expose().len()) {
        Ok(())
    } else {
        Err(garde::Error::new("token: expected 1 to 200 visible ASCII characters"))
    }
}

/// Where a checkout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutStatus {
    /// Under way: ask again, or repeat the request with the same key.
    Processing,
    /// The buyer must confirm the payment at the provider (`redirect_url`).
    AwaitingPayment,
    /// Ordered and paid.
    Completed,
    /// Nothing was bought; all that was begun is undone.
    Failed,
}

/// A checkout as its buyer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Checkout {
    /// Id.
    pub id: CheckoutId,
    /// Where it is.
    pub status: CheckoutStatus,
    /// The order, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// What lets a guest see the order: send it as `Order-Token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_token: Option<Secret>,
    /// Where the buyer confirms the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When it began.
    pub created_at: Timestamp,
}

/// Why a checkout failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// A stable code, with a page in `docs/errors`.
    pub code: String,
    /// A sentence.
    pub message: String,
}

/// Names a checkout.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckoutRef {
    /// Which.
    pub checkout: CheckoutId,
    /// What a guest was given at its start. The id alone is not enough: it has the bits of the order's.
    #[serde(default)]
    pub token: Option<Secret>,
}

/// What a provider reports by itself: the bytes it sent and their signature.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Notice {
    /// Which provider.
    pub provider: String,
    /// The body as it came.
    pub body: String,
    /// The signature header as it came.
    pub signature: Option<String>,
}

/// Where a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The buyer must confirm it.
    Pending,
    /// The money is held.
    Authorised,
    /// The money has come.
    Captured,
    /// The hold was given up.
    Voided,
    /// The provider refused.
    Declined,
}

/// A payment as the provider knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Payment {
    /// Provider.
    pub provider: String,
    /// The provider's name for it.
    pub reference: String,
    /// Where it is.
    pub status: PaymentStatus,
    /// What was asked.
    pub amount: Money,
    /// What went back.
    pub refunded: Money,
}

/// Names an order and why it is cancelled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cancel {
    /// Which order.
    pub order: OrderId,
    /// What a guest was given to see it by.
    pub token: Option<Secret>,
    /// Why.
    pub body: CancelBody,
}

/// Why an order is cancelled.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct CancelBody {
    /// For the timeline.
    #[serde(default)]
    #[garde(length(chars, max = 500), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 500)]
    pub reason: Option<String>,
}

/// Takes goods back and pays for them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TakeBack {
    /// Which order.
    pub order: OrderId,
    /// What comes back.
    pub body: ReturnBody,
}

/// Pays money back without goods.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refund {
    /// Which order.
    pub order: OrderId,
    /// How much.
    pub body: RefundBody,
}

/// How much goes back.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct RefundBody {
    /// At most what was paid and has not gone back yet.
    #[garde(custom(positive))]
    pub amount: Money,
    /// For the timeline.
    #[serde(default)]
    #[garde(length(chars, max = 500), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 500)]
    pub reason: Option<String>,
}

fn positive(money: &Money, _: &()) -> garde::Result {
    if money.amount > 0 { Ok(()) } else { Err(garde::Error::new("range: the amount must be above 0")) }
}

/// Names the payments of an order.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct PaymentsOf {
    /// Which order.
    pub order: OrderId,
}

service! {
    /// Checkouts, cancellations, returns and refunds: each a saga that ends completed or undone, whatever dies.
    pub trait Checkouts as "checkout", error Error, system from [] {
        /// Buys. The context must carry an idempotency key: a repeat, or a race, gets the first one's answer.
        async fn place(PlaceOrder) -> Checkout; from [gateway]; keyed;
        /// A checkout; its buyer, a guest who holds its token, or staff.
        async fn get(CheckoutRef) -> Checkout; from [gateway]; idempotent;
        /// Says that the buyer came back from the provider: asks it how the payment stands and goes on. Idempotent; races with the provider's notice harmlessly.
        async fn resume(CheckoutRef) -> Checkout; from [gateway]; idempotent;
        /// Takes in what a provider reports. Each (provider, event) counts once; a bad signature is refused.
        async fn notify(Notice) -> (); from [gateway]; idempotent;
        /// Cancels an order of which nothing was shipped: money and stock go back. Its buyer, or staff. Idempotent.
        async fn cancel(Cancel) -> Order; from [gateway]; idempotent;
        /// Books a return, pays for it, restocks; staff. Idempotent per idempotency key.
        async fn take_back(TakeBack) -> Return; from [gateway]; keyed;
        /// Pays money back; staff. Idempotent per idempotency key.
        async fn refund(Refund) -> Order; from [gateway]; keyed;
        /// The payments of an order; staff.
        async fn list_payments(PaymentsOf) -> Vec<Payment>; from [gateway]; idempotent;
    }
}

shoal_types::errors! {
    /// What can go wrong in a checkout. Whatever was begun is undone before the answer.
    pub enum Error {
        /// There is no such checkout, or it is another's.
        UnknownCheckout {} => (NotFound, "unknown_checkout", "there is no such checkout"),
        /// A checkout needs an `Idempotency-Key` header, so that a repeat cannot buy twice.
        KeyMissing {} => (Malformed, "idempotency_key_missing", "send an Idempotency-Key header"),
        /// The total is no longer what the buyer was shown. Show the new one and try again with a new key.
        TotalChanged { total: i64, currency: String } => (Conflict, "total_changed", "the total is now {total} {currency} (minor units)"),
        /// The payment provider refused. Nothing was bought or charged; try another card with a new key.
        PaymentDeclined { reason: String } => (PaymentRefused, "payment_declined", "the payment was declined: {reason}"),
        /// The payment provider cannot be reached. Nothing was bought or charged; repeat with the same key.
        PaymentUnavailable {} => (Unavailable, "payment_unavailable", "the payment provider cannot be reached"),
        /// There is no such payment provider.
        UnknownProvider { provider: String } => (Invalid, "unknown_provider", "there is no payment provider {provider}"),
        /// The signature of a provider's report does not fit. Check the webhook secret.
        BadSignature {} => (Unauthenticated, "bad_signature", "the signature does not fit the body"),
        /// The buyer did not confirm the payment in time. Nothing was bought or charged.
        PaymentTimedOut {} => (Conflict, "payment_timed_out", "the payment was not confirmed in time"),
        /// More than was paid and has not gone back yet.
        RefundTooLarge { left: i64 } => (Conflict, "refund_too_large", "only {left} minor units are left to refund"),
        /// The checkout is still under way. Ask for it, or repeat the request with the same key.
        StillProcessing { checkout: String } => (Timeout, "still_processing", "{checkout} is still under way"),
    }
    includes {
        /// What the order service says of the cart, the lines or the order.
        Orders(crate::orders::Error),
        /// What the product service says of the stock.
        Products(crate::products::Error),
    }
}

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use garde::Validate;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shoal_contract::checkout::{Cancel, CancelBody, Payment, PaymentsOf, Refund, RefundBody, TakeBack};
use shoal_contract::orders::{
    AddNote, Fulfil, FulfilBody, ListOrders, NoteBody, Order, OrderId, OrderRef, OrderStatus, Return,
    ReturnBody, TimelineEntry,
};
use shoal_contract::users::UserId;
use shoal_net::http::{Json, Path, Problem, Query};
use shoal_types::{Cursor, Limit, Page, PageRequest, Timestamp};
use utoipa::{IntoParams, ToSchema};

use crate::answer;
use crate::auth::{Cx, OrderToken};
use crate::change::Change;
use crate::gateway::Gateway;
use crate::parameters::Known;

/// A page of orders.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrderList {
    /// The orders, newest first.
    orders: Vec<Order>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
}

impl From<Page<Order>> for OrderList {
    fn from(page: Page<Order>) -> Self {
        Self { orders: page.items, next: page.next }
    }
}

/// Which orders.
#[derive(Deserialize, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
#[garde(allow_unvalidated)]
pub(crate) struct OrdersWanted {
    /// Items on a page.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The `next` of the page before.
    #[param(inline)]
    cursor: Option<Cursor>,
    /// Only this customer's; customers always get their own.
    #[param(inline)]
    customer: Option<UserId>,
    /// Only in this state.
    #[param(inline)]
    status: Option<OrderStatus>,
    /// Only from this source: `web`, or where they were imported from.
    #[garde(length(max = 120))]
    #[param(max_length = 120)]
    source: Option<String>,
    /// Only the order with this number.
    #[garde(length(chars, max = 80))]
    #[param(max_length = 80)]
    number: Option<String>,
    /// Only orders placed at or after this instant.
    #[param(inline)]
    placed_from: Option<Timestamp>,
    /// Only orders placed before this instant.
    #[param(inline)]
    placed_until: Option<Timestamp>,
}

/// Lists orders, newest first: one's own, or for staff all.
#[utoipa::path(get, path = "/v1/orders", tag = "orders", params(OrdersWanted), security(("bearer" = [])),
    responses((status = 200, description = "A page of orders", body = OrderList)))]
pub(crate) async fn list_orders(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Query(wanted): Query<OrdersWanted>,
) -> Result<Json<OrderList>, Problem> {
    let request = ListOrders {
        page: PageRequest { limit: wanted.limit, cursor: wanted.cursor },
        customer: wanted.customer,
        status: wanted.status,
        source: wanted.source,
        number: wanted.number,
        placed_from: wanted.placed_from,
        placed_until: wanted.placed_until,
    };
    Ok(Json(gateway.orders()?.list_orders(&cx, request).await?.into()))
}

/// Shows an order: one's own, the one a guest holds the token of, or for staff any.
#[utoipa::path(get, path = "/v1/orders/{order}", tag = "orders",
    params(("order" = OrderId, Path, description = "Which order"), OrderToken, Known),
    responses((status = 200, description = "The order", body = Order)))]
pub(crate) async fn get_order(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(order): Path<OrderId>,
    OrderToken(token): OrderToken,
    known: Known,
) -> Result<Response, Problem> {
    answer::read(&known, &gateway.orders()?.get_order(&cx, OrderRef { order, token }).await?)
}

/// What happened to an order.
#[derive(Serialize, ToSchema)]
pub(crate) struct Timeline {
    /// Oldest first.
    timeline: Vec<TimelineEntry>,
}

/// Lists what happened to an order, oldest first.
#[utoipa::path(get, path = "/v1/orders/{order}/timeline", tag = "orders",
    params(("order" = OrderId, Path, description = "Which order"), OrderToken),
    responses((status = 200, description = "What happened", body = Timeline)))]
pub(crate) async fn list_timeline(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(order): Path<OrderId>,
    OrderToken(token): OrderToken,
) -> Result<Json<Timeline>, Problem> {
    let timeline = gateway.orders()?.list_timeline(&cx, OrderRef { order, token }).await?;
    Ok(Json(Timeline { timeline }))
}

/// Cancels an order of which nothing was sent; money and stock go back.
#[utoipa::path(post, path = "/v1/orders/{order}/cancel", tag = "orders", request_body = CancelBody,
    params(("order" = OrderId, Path, description = "Which order"), OrderToken),
    responses((status = 200, description = "The cancelled order", body = Order)))]
pub(crate) async fn cancel_order(
    State(gateway): State<Gateway>,
    Path(order): Path<OrderId>,
    OrderToken(token): OrderToken,
    Change { cx, body }: Change<CancelBody>,
) -> Result<Response, Problem> {
    Ok(answer::written(&gateway.checkouts()?.cancel(&cx, Cancel { order, token, body }).await?))
}

/// Books a parcel as sent; staff only. An order may go in several parcels.
#[utoipa::path(post, path = "/v1/orders/{order}/fulfilments", tag = "orders", security(("bearer" = [])),
    params(("order" = OrderId, Path, description = "Which order")), request_body = FulfilBody,
    responses((status = 201, description = "The order with the parcel", body = Order)))]
pub(crate) async fn fulfil_order(
    State(gateway): State<Gateway>,
    Path(order): Path<OrderId>,
    Change { cx, body }: Change<FulfilBody>,
) -> Result<Response, Problem> {
    let changed = gateway.orders()?.fulfil(&cx, Fulfil { order, body }).await?;
    Ok((StatusCode::CREATED, answer::written(&changed)).into_response())
}

/// Takes goods back and pays for them; staff only.
#[utoipa::path(post, path = "/v1/orders/{order}/returns", tag = "orders", security(("bearer" = [])),
    params(("order" = OrderId, Path, description = "Which order")), request_body = ReturnBody,
    responses((status = 201, description = "The return", body = Return)))]
pub(crate) async fn return_goods(
    State(gateway): State<Gateway>,
    Path(order): Path<OrderId>,
    Change { cx, body }: Change<ReturnBody>,
) -> Result<(StatusCode, Json<Return>), Problem> {
    let taken_back = gateway.checkouts()?.take_back(&cx, TakeBack { order, body }).await?;
    Ok((StatusCode::CREATED, Json(taken_back)))
}

/// Pays money back without goods; staff only.
#[utoipa::path(post, path = "/v1/orders/{order}/refunds", tag = "orders", security(("bearer" = [])),
    params(("order" = OrderId, Path, description = "Which order")), request_body = RefundBody,
    responses((status = 201, description = "The order with the refund", body = Order)))]
pub(crate) async fn refund_order(
    State(gateway): State<Gateway>,
    Path(order): Path<OrderId>,
    Change { cx, body }: Change<RefundBody>,
) -> Result<Response, Problem> {
    let changed = gateway.checkouts()?.refund(&cx, Refund { order, body }).await?;
    Ok((StatusCode::CREATED, answer::written(&changed)).into_response())
}

/// Writes a note into the timeline; staff only.
#[utoipa::path(post, path = "/v1/orders/{order}/notes", tag = "orders", security(("bearer" = [])),
    params(("order" = OrderId, Path, description = "Which order")), request_body = NoteBody,
    responses((status = 201, description = "The note in the timeline", body = TimelineEntry)))]
pub(crate) async fn add_note(
    State(gateway): State<Gateway>,
    Path(order): Path<OrderId>,
    Change { cx, body }: Change<NoteBody>,
) -> Result<(StatusCode, Json<TimelineEntry>), Problem> {
    Ok((StatusCode::CREATED, Json(gateway.orders()?.add_note(&cx, AddNote { order, body }).await?)))
}

/// The payments of an order.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentList {
    /// As the providers know them.
    payments: Vec<Payment>,
}

/// Lists the payments of an order; staff only.
#[utoipa::path(get, path = "/v1/orders/{order}/payments", tag = "orders", security(("bearer" = [])),
    params(("order" = OrderId, Path, description = "Which order")),
    responses((status = 200, description = "The payments", body = PaymentList)))]
pub(crate) async fn list_payments(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(order): Path<OrderId>,
) -> Result<Json<PaymentList>, Problem> {
    let payments = gateway.checkouts()?.list_payments(&cx, PaymentsOf { order }).await?;
    Ok(Json(PaymentList { payments }))
}

use axum::extract::State;
use axum::response::Response;
use garde::Validate;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shoal_contract::orders::{
    self, AddLine, Cart, CartChange, CartId, CartRef, CartState, FindCart, LineBody, LineChange, ListCarts,
    NewCart, SetLine, ShippingOption, UpdateCart,
};
use shoal_net::http::{Json, Path, Problem, Query};
use shoal_types::{Cursor, Limit, PageRequest};
use utoipa::{IntoParams, ToSchema};

use crate::answer;
use crate::auth::Cx;
use crate::change::{BareChange, Change};
use crate::gateway::Gateway;
use crate::parameters::{Expected, Name};

/// A page of carts.
#[derive(Serialize, ToSchema)]
pub(crate) struct CartList {
    /// The carts with their totals at present prices.
    carts: Vec<Cart>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
}

/// Which carts.
#[derive(Deserialize, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
#[garde(allow_unvalidated)]
pub(crate) struct CartsWanted {
    /// Items on a page.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The `next` of the page before.
    #[param(inline)]
    cursor: Option<Cursor>,
    /// Which carts: `abandoned` are open ones with goods in them and somebody to remind, left alone for longer than the
    /// shop says.
    #[param(inline)]
    state: CartState,
}

/// Lists carts that were left with goods in them, those left last first; staff only.
#[utoipa::path(get, path = "/v1/carts", tag = "carts", params(CartsWanted), security(("bearer" = [])),
    responses((status = 200, description = "A page of carts", body = CartList)))]
pub(crate) async fn list_carts(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Query(wanted): Query<CartsWanted>,
) -> Result<Json<CartList>, Problem> {
    let page = PageRequest { limit: wanted.limit, cursor: wanted.cursor };
    let page = gateway.orders()?.list_carts(&cx, ListCarts { page, state: wanted.state }).await?;
    Ok(Json(CartList { carts: page.items, next: page.next }))
}

/// Opens a cart, for the user who is logged in or for a guest.
#[utoipa::path(post, path = "/v1/carts", tag = "carts", request_body = NewCart,
    responses((status = 201, description = "The new cart", body = Cart)))]
pub(crate) async fn create_cart(
    State(gateway): State<Gateway>,
    Change { cx, body }: Change<NewCart>,
) -> Result<Response, Problem> {
    let cart = gateway.orders()?.create_cart(&cx, body).await?;
    Ok(answer::created(&format!("/v1/carts/{}", cart.id), answer::written(&cart)))
}

/// Shows one's own open cart.
#[utoipa::path(get, path = "/v1/carts/current", tag = "carts", security(("bearer" = [])),
    responses((status = 200, description = "The cart", body = Cart)))]
pub(crate) async fn get_current_cart(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
) -> Result<Response, Problem> {
    let cart = gateway.orders()?.find_cart(&cx, FindCart {}).await?;
    Ok(answer::written(&cart.ok_or(orders::Error::UnknownCart {})?))
}

/// Shows a cart with its totals at present prices.
#[utoipa::path(get, path = "/v1/carts/{cart}", tag = "carts",
    params(("cart" = CartId, Path, description = "Which cart")),
    responses((status = 200, description = "The cart", body = Cart)))]
pub(crate) async fn get_cart(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(cart): Path<CartId>,
) -> Result<Response, Problem> {
    // Never 304: prices may change while the cart does not, and its version would hide the new totals.
    Ok(answer::written(&gateway.orders()?.get_cart(&cx, CartRef { cart }).await?))
}

/// Changes note, e-mail, addresses or shipping method; fields left out stay.
#[utoipa::path(patch, path = "/v1/carts/{cart}", tag = "carts",
    params(("cart" = CartId, Path, description = "Which cart"), Expected), request_body = CartChange,
    responses((status = 200, description = "The cart as changed", body = Cart)))]
pub(crate) async fn update_cart(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(cart): Path<CartId>,
    Expected(expected_version): Expected,
    Json(change): Json<CartChange>,
) -> Result<Response, Problem> {
    let request = UpdateCart { cart, expected_version, change };
    Ok(answer::written(&gateway.orders()?.update_cart(&cx, request).await?))
}

/// Throws a cart away.
#[utoipa::path(delete, path = "/v1/carts/{cart}", tag = "carts",
    params(("cart" = CartId, Path, description = "Which cart")),
    responses((status = 204, description = "Thrown away")))]
pub(crate) async fn remove_cart(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(cart): Path<CartId>,
) -> Result<StatusCode, Problem> {
    gateway.orders()?.remove_cart(&cx, CartRef { cart }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Adds pieces of a SKU; the same SKU again makes its line larger.
#[utoipa::path(post, path = "/v1/carts/{cart}/lines", tag = "carts",
    params(("cart" = CartId, Path, description = "Which cart")), request_body = LineBody,
    responses((status = 200, description = "The cart as changed", body = Cart)))]
pub(crate) async fn add_cart_line(
    State(gateway): State<Gateway>,
    Path(cart): Path<CartId>,
    Change { cx, body }: Change<LineBody>,
) -> Result<Response, Problem> {
    let request = AddLine { cart, line: body };
    Ok(answer::written(&gateway.orders()?.add_line(&cx, request).await?))
}

/// Sets quantity and note of a line; 0 pieces remove it.
#[utoipa::path(put, path = "/v1/carts/{cart}/lines/{sku}", tag = "carts", request_body = LineChange,
    params(
        ("cart" = CartId, Path, description = "Which cart"),
        ("sku" = String, Path, description = "The SKU of the line"),
        Expected
    ),
    responses((status = 200, description = "The cart as changed", body = Cart)))]
pub(crate) async fn set_cart_line(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path((cart, Name(sku))): Path<(CartId, Name)>,
    Expected(expected_version): Expected,
    Json(change): Json<LineChange>,
) -> Result<Response, Problem> {
    let request = SetLine { cart, sku, expected_version, change };
    Ok(answer::written(&gateway.orders()?.set_line(&cx, request).await?))
}

/// Removes a line.
#[utoipa::path(delete, path = "/v1/carts/{cart}/lines/{sku}", tag = "carts",
    params(
        ("cart" = CartId, Path, description = "Which cart"),
        ("sku" = String, Path, description = "The SKU of the line"),
        Expected
    ),
    responses((status = 200, description = "The cart as changed", body = Cart)))]
pub(crate) async fn remove_cart_line(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path((cart, Name(sku))): Path<(CartId, Name)>,
    Expected(expected_version): Expected,
) -> Result<Response, Problem> {
    let change = LineChange { quantity: 0, note: None };
    let request = SetLine { cart, sku, expected_version, change };
    Ok(answer::written(&gateway.orders()?.set_line(&cx, request).await?))
}

/// Moves the lines of a guest's cart into one's own; no line is lost.
#[utoipa::path(post, path = "/v1/carts/{cart}/merge", tag = "carts", security(("bearer" = [])),
    params(("cart" = CartId, Path, description = "The guest's cart")),
    responses((status = 200, description = "One's own cart", body = Cart)))]
pub(crate) async fn merge_cart(
    State(gateway): State<Gateway>,
    BareChange(cx): BareChange,
    Path(cart): Path<CartId>,
) -> Result<Response, Problem> {
    Ok(answer::written(&gateway.orders()?.merge_cart(&cx, CartRef { cart }).await?))
}

/// The ways to ship a cart.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShippingOptionList {
    /// Cheapest first.
    shipping_options: Vec<ShippingOption>,
}

/// Lists the shipping methods for the cart's address and weight, cheapest first.
#[utoipa::path(get, path = "/v1/carts/{cart}/shipping-options", tag = "carts",
    params(("cart" = CartId, Path, description = "Which cart")),
    responses((status = 200, description = "The methods with their prices", body = ShippingOptionList)))]
pub(crate) async fn list_shipping_options(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(cart): Path<CartId>,
) -> Result<Json<ShippingOptionList>, Problem> {
    let shipping_options = gateway.orders()?.list_shipping_options(&cx, CartRef { cart }).await?;
    Ok(Json(ShippingOptionList { shipping_options }))
}

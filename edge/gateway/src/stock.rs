use axum::extract::{FromRequestParts, State};
use garde::Validate;
use http::StatusCode;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use shoal_contract::products::{self, AdjustStock, Adjustment, ListMovements, LookUp, Movement, Stock};
use shoal_net::http::{Json, Path, Problem, Query};
use shoal_types::{Cursor, Fault, Limit, PageRequest};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Cx;
use crate::change::Change;
use crate::gateway::Gateway;
use crate::parameters::{Name, repeated_query, take_repeated};

/// The stock of several SKUs.
#[derive(Serialize, ToSchema)]
pub(crate) struct StockList {
    /// In the order asked; unknown SKUs are left out.
    stock: Vec<Stock>,
}

/// The SKUs asked for, each in a parameter of its own: a SKU may hold a comma.
pub(crate) struct Skus(Vec<String>);

const SKUS_MAX: usize = 100;

/// No parameter but `sku`.
#[derive(Deserialize, Validate)]
struct Nothing {}

impl<S: Sync> FromRequestParts<S> for Skus {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let skus = take_repeated(parts, "sku", SKUS_MAX)?;
        Query::<Nothing>::from_request_parts(parts, state).await?;
        if skus.is_empty() {
            return Err(Fault::invalid("sku", "required", "name at least one SKU: ?sku=MUG-SAND").into());
        }
        Ok(Self(skus))
    }
}

impl IntoParams for Skus {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![repeated_query("sku", "The SKUs, one parameter for each", 1, SKUS_MAX)]
    }
}

/// Shows the stock of several SKUs.
#[utoipa::path(get, path = "/v1/stock", tag = "stock", params(Skus),
    responses((status = 200, description = "The stock", body = StockList)))]
pub(crate) async fn list_stock(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Skus(skus): Skus,
) -> Result<Json<StockList>, Problem> {
    let stock = gateway.products()?.get_stock(&cx, LookUp { skus }).await?;
    Ok(Json(StockList { stock: stock.into_iter().flatten().collect() }))
}

/// Shows the stock of a SKU.
#[utoipa::path(get, path = "/v1/stock/{sku}", tag = "stock",
    params(("sku" = String, Path, description = "Which SKU")),
    responses((status = 200, description = "The stock", body = Stock)))]
pub(crate) async fn get_stock(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(Name(sku)): Path<Name>,
) -> Result<Json<Stock>, Problem> {
    let found = gateway.products()?.get_stock(&cx, LookUp { skus: vec![sku.clone()] }).await?;
    let stock = found.into_iter().flatten().next();
    Ok(Json(stock.ok_or(products::Error::UnknownSku { sku })?))
}

/// Books goods in, out, or counts them; staff only.
#[utoipa::path(post, path = "/v1/stock/{sku}/adjustments", tag = "stock", security(("bearer" = [])),
    params(("sku" = String, Path, description = "Which SKU")), request_body = Adjustment,
    responses((status = 201, description = "The stock after it", body = Stock)))]
pub(crate) async fn adjust_stock(
    State(gateway): State<Gateway>,
    Path(Name(sku)): Path<Name>,
    Change { cx, body }: Change<Adjustment>,
) -> Result<(StatusCode, Json<Stock>), Problem> {
    let request = AdjustStock { sku, adjustment: body };
    Ok((StatusCode::CREATED, Json(gateway.products()?.adjust_stock(&cx, request).await?)))
}

/// Which page of a ledger.
#[derive(Deserialize, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
#[garde(allow_unvalidated)]
pub(crate) struct MovementsWanted {
    /// Items on a page.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The `next` of the page before.
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// A page of a SKU's ledger.
#[derive(Serialize, ToSchema)]
pub(crate) struct MovementList {
    /// The movements, newest first.
    movements: Vec<Movement>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
}

/// Lists the movements of a SKU, newest first; staff only.
#[utoipa::path(get, path = "/v1/stock/{sku}/movements", tag = "stock", security(("bearer" = [])),
    params(("sku" = String, Path, description = "Which SKU"), MovementsWanted),
    responses((status = 200, description = "A page of the ledger", body = MovementList)))]
pub(crate) async fn list_movements(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(Name(sku)): Path<Name>,
    Query(wanted): Query<MovementsWanted>,
) -> Result<Json<MovementList>, Problem> {
    let request = ListMovements { sku, page: PageRequest { limit: wanted.limit, cursor: wanted.cursor } };
    let page = gateway.products()?.list_movements(&cx, request).await?;
    Ok(Json(MovementList { movements: page.items, next: page.next }))
}

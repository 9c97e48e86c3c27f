use axum::extract::State;
use garde::Validate;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shoal_contract::orders::{Day, ListSales, RecountSales, Sales, SalesGroup, SalesRecount};
use shoal_contract::products::ProductId;
use shoal_net::http::{Json, Problem, Query};
use shoal_types::{Cursor, Limit, PageRequest};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Cx;
use crate::change::BareChange;
use crate::gateway::Gateway;

/// A page of what was sold and what came back.
#[derive(Serialize, ToSchema)]
pub(crate) struct SalesList {
    /// Sums, ordered by what they are summed by and then by currency.
    sales: Vec<Sales>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
}

/// Which sales.
#[derive(Deserialize, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
#[garde(allow_unvalidated)]
pub(crate) struct SalesWanted {
    /// Items on a page.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The `next` of the page before.
    #[param(inline)]
    cursor: Option<Cursor>,
    /// The first day, in the shop's time zone; 29 days before `to` if absent.
    #[param(inline)]
    from: Option<Day>,
    /// The last day, at most 366 days in all; today if absent.
    #[param(inline)]
    to: Option<Day>,
    /// Only of this product.
    #[param(inline)]
    product: Option<ProductId>,
    /// What they are summed by.
    #[serde(default)]
    #[param(inline)]
    group: SalesGroup,
}

/// Lists what was sold and what came back, summed by product, SKU, day or in all; staff only. Currencies stay apart.
#[utoipa::path(get, path = "/v1/sales", tag = "orders", params(SalesWanted), security(("bearer" = [])),
    responses((status = 200, description = "A page of sums", body = SalesList)))]
pub(crate) async fn list_sales(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Query(wanted): Query<SalesWanted>,
) -> Result<Json<SalesList>, Problem> {
    let request = ListSales {
        page: PageRequest { limit: wanted.limit, cursor: wanted.cursor },
        from: wanted.from,
        to: wanted.to,
        product: wanted.product,
        group: wanted.group,
    };
    let page = gateway.orders()?.list_sales(&cx, request).await?;
    Ok(Json(SalesList { sales: page.items, next: page.next }))
}

/// Makes the figures of sales anew from the orders, in the background; staff only.
#[utoipa::path(post, path = "/v1/sales/recount", tag = "orders", security(("bearer" = [])),
    responses((status = 202, description = "It has begun", body = SalesRecount)))]
pub(crate) async fn recount_sales(
    State(gateway): State<Gateway>,
    BareChange(cx): BareChange,
) -> Result<(StatusCode, Json<SalesRecount>), Problem> {
    let begun = gateway.orders()?.recount_sales(&cx, RecountSales {}).await?;
    Ok((StatusCode::ACCEPTED, Json(begun)))
}

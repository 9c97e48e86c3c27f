use axum::extract::State;
use serde::Serialize;
use shoal_contract::orders::{ListRates, SetShippingZones, SetTaxRates, ShippingZone, TaxRate};
use shoal_net::http::{Json, Problem};
use utoipa::ToSchema;

use crate::auth::Cx;
use crate::gateway::Gateway;

/// The tax rates.
#[derive(Serialize, ToSchema)]
pub(crate) struct TaxRateList {
    /// One for each country, region and category.
    tax_rates: Vec<TaxRate>,
}

/// Lists the tax rates.
#[utoipa::path(get, path = "/v1/settings/tax-rates", tag = "settings",
    responses((status = 200, description = "The tax rates", body = TaxRateList)))]
pub(crate) async fn list_tax_rates(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
) -> Result<Json<TaxRateList>, Problem> {
    Ok(Json(TaxRateList { tax_rates: gateway.orders()?.list_tax_rates(&cx, ListRates {}).await? }))
}

/// Replaces all tax rates; staff only.
#[utoipa::path(put, path = "/v1/settings/tax-rates", tag = "settings", request_body = SetTaxRates,
    security(("bearer" = [])), responses((status = 200, description = "The new tax rates", body = TaxRateList)))]
pub(crate) async fn set_tax_rates(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Json(body): Json<SetTaxRates>,
) -> Result<Json<TaxRateList>, Problem> {
    Ok(Json(TaxRateList { tax_rates: gateway.orders()?.set_tax_rates(&cx, body).await? }))
}

/// The shipping zones.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShippingZoneList {
    /// A country is in one of them.
    shipping_zones: Vec<ShippingZone>,
}

/// Lists the shipping zones with their methods.
#[utoipa::path(get, path = "/v1/settings/shipping-zones", tag = "settings",
    responses((status = 200, description = "The shipping zones", body = ShippingZoneList)))]
pub(crate) async fn list_shipping_zones(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
) -> Result<Json<ShippingZoneList>, Problem> {
    let shipping_zones = gateway.orders()?.list_shipping_zones(&cx, ListRates {}).await?;
    Ok(Json(ShippingZoneList { shipping_zones }))
}

/// Replaces all shipping zones; staff only.
#[utoipa::path(put, path = "/v1/settings/shipping-zones", tag = "settings", request_body = SetShippingZones,
    security(("bearer" = [])),
    responses((status = 200, description = "The new shipping zones", body = ShippingZoneList)))]
pub(crate) async fn set_shipping_zones(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Json(body): Json<SetShippingZones>,
) -> Result<Json<ShippingZoneList>, Problem> {
    let shipping_zones = gateway.orders()?.set_shipping_zones(&cx, body).await?;
    Ok(Json(ShippingZoneList { shipping_zones }))
}

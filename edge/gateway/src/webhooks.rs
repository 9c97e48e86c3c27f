use axum::extract::State;
use axum::response::{IntoResponse, Response};
use garde::Validate;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shoal_contract::notifications::{
    ListWebhookDeliveries, ListWebhookEndpoints, NewWebhookEndpoint, ResendFailedWebhooks, ResentWebhooks,
    SwitchWebhookEndpoint, UpdateWebhookEndpoint, WebhookDelivery, WebhookDeliveryId, WebhookDeliveryLog,
    WebhookDeliveryRef, WebhookDeliveryState, WebhookEndpoint, WebhookEndpointChange, WebhookEndpointId,
    WebhookEndpointRef, WebhookEndpointSecret,
};
use shoal_net::http::{Json, Path, Problem, Query};
use shoal_types::{Cursor, Limit, PageRequest, Timestamp};
use utoipa::{IntoParams, ToSchema};

use crate::answer;
use crate::auth::Cx;
use crate::change::{BareChange, Change};
use crate::gateway::Gateway;
use crate::parameters::{Expected, Known};

/// Which page of endpoints.
#[derive(Deserialize, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
#[garde(allow_unvalidated)]
pub(crate) struct EndpointsWanted {
    /// Items on a page.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The `next` of the page before.
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// A page of webhook endpoints.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookEndpointList {
    /// The endpoints, oldest first, without their secrets.
    webhook_endpoints: Vec<WebhookEndpoint>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
}

/// Lists webhook endpoints; staff only.
#[utoipa::path(get, path = "/v1/webhook-endpoints", tag = "webhooks", params(EndpointsWanted),
    security(("bearer" = [])),
    responses((status = 200, description = "A page of endpoints, oldest first", body = WebhookEndpointList)))]
pub(crate) async fn list_webhook_endpoints(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Query(wanted): Query<EndpointsWanted>,
) -> Result<Json<WebhookEndpointList>, Problem> {
    let request = ListWebhookEndpoints { page: PageRequest { limit: wanted.limit, cursor: wanted.cursor } };
    let page = gateway.notifications()?.list_webhook_endpoints(&cx, request).await?;
    Ok(Json(WebhookEndpointList { webhook_endpoints: page.items, next: page.next }))
}

/// Makes a webhook endpoint; staff only. Its secret is in this answer and in no other.
#[utoipa::path(post, path = "/v1/webhook-endpoints", tag = "webhooks", request_body = NewWebhookEndpoint,
    security(("bearer" = [])),
    responses((status = 201, description = "The new endpoint and its secret", body = WebhookEndpointSecret)))]
pub(crate) async fn create_webhook_endpoint(
    State(gateway): State<Gateway>,
    Change { cx, body }: Change<NewWebhookEndpoint>,
) -> Result<Response, Problem> {
    let made = gateway.notifications()?.create_webhook_endpoint(&cx, body).await?;
    Ok(answer::created(&address(made.endpoint.id), answer::written(&made)))
}

fn address(endpoint: WebhookEndpointId) -> String {
    format!("/v1/webhook-endpoints/{endpoint}")
}

/// Shows a webhook endpoint; staff only.
#[utoipa::path(get, path = "/v1/webhook-endpoints/{endpoint}", tag = "webhooks", security(("bearer" = [])),
    params(("endpoint" = WebhookEndpointId, Path, description = "Which endpoint"), Known),
    responses((status = 200, description = "The endpoint", body = WebhookEndpoint)))]
pub(crate) async fn get_webhook_endpoint(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(endpoint): Path<WebhookEndpointId>,
    known: Known,
) -> Result<Response, Problem> {
    let shown = gateway.notifications()?.get_webhook_endpoint(&cx, WebhookEndpointRef { endpoint }).await?;
    answer::read(&known, &shown)
}

/// Changes a webhook endpoint; fields left out stay. Staff only.
#[utoipa::path(patch, path = "/v1/webhook-endpoints/{endpoint}", tag = "webhooks", security(("bearer" = [])),
    params(("endpoint" = WebhookEndpointId, Path, description = "Which endpoint"), Expected),
    request_body = WebhookEndpointChange,
    responses((status = 200, description = "The endpoint as changed", body = WebhookEndpoint)))]
pub(crate) async fn update_webhook_endpoint(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(endpoint): Path<WebhookEndpointId>,
    Expected(expected_version): Expected,
    Json(change): Json<WebhookEndpointChange>,
) -> Result<Response, Problem> {
    let request = UpdateWebhookEndpoint { endpoint, expected_version, change };
    Ok(answer::written(&gateway.notifications()?.update_webhook_endpoint(&cx, request).await?))
}

/// Forgets a webhook endpoint, and what waits for it; staff only.
#[utoipa::path(delete, path = "/v1/webhook-endpoints/{endpoint}", tag = "webhooks", security(("bearer" = [])),
    params(("endpoint" = WebhookEndpointId, Path, description = "Which endpoint")),
    responses((status = 204, description = "Forgotten")))]
pub(crate) async fn delete_webhook_endpoint(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(endpoint): Path<WebhookEndpointId>,
) -> Result<StatusCode, Problem> {
    gateway.notifications()?.delete_webhook_endpoint(&cx, WebhookEndpointRef { endpoint }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a webhook endpoint another secret; staff only. The one before signs too for a while: see `old_secret_until`.
#[utoipa::path(post, path = "/v1/webhook-endpoints/{endpoint}/secret", tag = "webhooks", security(("bearer" = [])),
    params(("endpoint" = WebhookEndpointId, Path, description = "Which endpoint")),
    responses((status = 200, description = "The endpoint and its new secret", body = WebhookEndpointSecret)))]
pub(crate) async fn rotate_webhook_secret(
    State(gateway): State<Gateway>,
    BareChange(cx): BareChange,
    Path(endpoint): Path<WebhookEndpointId>,
) -> Result<Response, Problem> {
    let request = WebhookEndpointRef { endpoint };
    Ok(answer::written(&gateway.notifications()?.rotate_webhook_secret(&cx, request).await?))
}

/// Enables a webhook endpoint: what waits for it is sent. Staff only.
#[utoipa::path(post, path = "/v1/webhook-endpoints/{endpoint}/enable", tag = "webhooks", security(("bearer" = [])),
    params(("endpoint" = WebhookEndpointId, Path, description = "Which endpoint")),
    responses((status = 200, description = "The endpoint, enabled", body = WebhookEndpoint)))]
pub(crate) async fn enable_webhook_endpoint(
    State(gateway): State<Gateway>,
    BareChange(cx): BareChange,
    Path(endpoint): Path<WebhookEndpointId>,
) -> Result<Response, Problem> {
    let request = SwitchWebhookEndpoint { endpoint, enabled: true };
    Ok(answer::written(&gateway.notifications()?.switch_webhook_endpoint(&cx, request).await?))
}

/// Disables a webhook endpoint: it is sent nothing, and what happens meanwhile is not kept for it. Staff only.
#[utoipa::path(post, path = "/v1/webhook-endpoints/{endpoint}/disable", tag = "webhooks", security(("bearer" = [])),
    params(("endpoint" = WebhookEndpointId, Path, description = "Which endpoint")),
    responses((status = 200, description = "The endpoint, disabled", body = WebhookEndpoint)))]
pub(crate) async fn disable_webhook_endpoint(
    State(gateway): State<Gateway>,
    BareChange(cx): BareChange,
    Path(endpoint): Path<WebhookEndpointId>,
) -> Result<Response, Problem> {
    let request = SwitchWebhookEndpoint { endpoint, enabled: false };
    Ok(answer::written(&gateway.notifications()?.switch_webhook_endpoint(&cx, request).await?))
}

/// Sends a webhook endpoint the event `webhook.test`; staff only.
#[utoipa::path(post, path = "/v1/webhook-endpoints/{endpoint}/test", tag = "webhooks", security(("bearer" = [])),
    params(("endpoint" = WebhookEndpointId, Path, description = "Which endpoint")),
    responses((status = 202, description = "On its way; the delivery is at the `Location`", body = WebhookDelivery)))]
pub(crate) async fn test_webhook_endpoint(
    State(gateway): State<Gateway>,
    BareChange(cx): BareChange,
    Path(endpoint): Path<WebhookEndpointId>,
) -> Result<Response, Problem> {
    let request = WebhookEndpointRef { endpoint };
    Ok(on_its_way(gateway.notifications()?.test_webhook_endpoint(&cx, request).await?))
}

fn on_its_way(delivery: WebhookDelivery) -> Response {
    let location = format!("{}/deliveries/{}", address(delivery.endpoint), delivery.id);
    answer::located(StatusCode::ACCEPTED, &location, Json(delivery).into_response())
}

/// Since when.
#[derive(Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub(crate) struct ResendBody {
    /// Events heard since then.
    since: Timestamp,
}

/// Sends again what was given up, at most 10,000 deliveries; staff only.
#[utoipa::path(post, path = "/v1/webhook-endpoints/{endpoint}/resend", tag = "webhooks", security(("bearer" = [])),
    params(("endpoint" = WebhookEndpointId, Path, description = "Which endpoint")), request_body = ResendBody,
    responses((status = 200, description = "How many are on their way again", body = ResentWebhooks)))]
pub(crate) async fn resend_failed_webhooks(
    State(gateway): State<Gateway>,
    Path(endpoint): Path<WebhookEndpointId>,
    Change { cx, body }: Change<ResendBody>,
) -> Result<Json<ResentWebhooks>, Problem> {
    let request = ResendFailedWebhooks { endpoint, since: body.since };
    Ok(Json(gateway.notifications()?.resend_failed_webhooks(&cx, request).await?))
}

/// Which deliveries.
#[derive(Deserialize, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
#[garde(allow_unvalidated)]
pub(crate) struct DeliveriesWanted {
    /// Items on a page.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The `next` of the page before.
    #[param(inline)]
    cursor: Option<Cursor>,
    /// Only in this state.
    #[param(inline)]
    state: Option<WebhookDeliveryState>,
    /// Only of this type of event.
    #[serde(rename = "type")]
    #[garde(length(max = 120))]
    #[param(max_length = 120)]
    kind: Option<String>,
}

/// A page of deliveries.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookDeliveryList {
    /// The deliveries, those of the newest events first.
    webhook_deliveries: Vec<WebhookDelivery>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
}

/// Lists an endpoint's deliveries; staff only.
#[utoipa::path(get, path = "/v1/webhook-endpoints/{endpoint}/deliveries", tag = "webhooks",
    security(("bearer" = [])),
    params(("endpoint" = WebhookEndpointId, Path, description = "Which endpoint"), DeliveriesWanted),
    responses((status = 200, description = "A page of deliveries", body = WebhookDeliveryList)))]
pub(crate) async fn list_webhook_deliveries(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(endpoint): Path<WebhookEndpointId>,
    Query(wanted): Query<DeliveriesWanted>,
) -> Result<Json<WebhookDeliveryList>, Problem> {
    let page = PageRequest { limit: wanted.limit, cursor: wanted.cursor };
    let request = ListWebhookDeliveries { endpoint, page, state: wanted.state, kind: wanted.kind };
    let page = gateway.notifications()?.list_webhook_deliveries(&cx, request).await?;
    Ok(Json(WebhookDeliveryList { webhook_deliveries: page.items, next: page.next }))
}

/// Shows a delivery, its body and its attempts; staff only.
#[utoipa::path(get, path = "/v1/webhook-endpoints/{endpoint}/deliveries/{delivery}", tag = "webhooks",
    security(("bearer" = [])),
    params(("endpoint" = WebhookEndpointId, Path, description = "Which endpoint"),
        ("delivery" = WebhookDeliveryId, Path, description = "Which delivery")),
    responses((status = 200, description = "The delivery and its attempts", body = WebhookDeliveryLog)))]
pub(crate) async fn get_webhook_delivery(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path((endpoint, delivery)): Path<(WebhookEndpointId, WebhookDeliveryId)>,
) -> Result<Json<WebhookDeliveryLog>, Problem> {
    let request = WebhookDeliveryRef { endpoint, delivery };
    Ok(Json(gateway.notifications()?.get_webhook_delivery(&cx, request).await?))
}

/// Sends a delivery again, whatever became of it; staff only. Its `webhook-id` stays the same.
#[utoipa::path(post, path = "/v1/webhook-endpoints/{endpoint}/deliveries/{delivery}/resend", tag = "webhooks",
    security(("bearer" = [])),
    params(("endpoint" = WebhookEndpointId, Path, description = "Which endpoint"),
        ("delivery" = WebhookDeliveryId, Path, description = "Which delivery")),
    responses((status = 202, description = "On its way; the delivery is at the `Location`", body = WebhookDelivery)))]
pub(crate) async fn resend_webhook(
    State(gateway): State<Gateway>,
    BareChange(cx): BareChange,
    Path((endpoint, delivery)): Path<(WebhookEndpointId, WebhookDeliveryId)>,
) -> Result<Response, Problem> {
    let request = WebhookDeliveryRef { endpoint, delivery };
    Ok(on_its_way(gateway.notifications()?.resend_webhook(&cx, request).await?))
}

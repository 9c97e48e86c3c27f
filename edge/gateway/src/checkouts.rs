use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::HeaderMap;
use http::{HeaderName, StatusCode};
use shoal_contract::checkout::{Checkout, CheckoutId, CheckoutRef, CheckoutStatus, Notice, PlaceOrder};
use shoal_net::http::{Json, Path, Problem};

use crate::answer;
use crate::auth::{Cx, OrderToken, context};
use crate::change::{BareChange, Change};
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::parameters::{Name, text_header};

/// Buys a cart, or lines without one.
///
/// Needs an `Idempotency-Key`: a repeat with the same key and body, or a race, gets the first one's answer and never
/// buys twice. 202 says that it is under way or that the buyer must confirm the payment at `redirect_url`: ask again
/// at the `Location`.
#[utoipa::path(post, path = "/v1/checkouts", tag = "checkouts",
    request_body(content = PlaceOrder, example = json!({
        "lines": [{"sku": "MUG-HARB-SAND", "quantity": 1}],
        "email": "you@example.com",
        "shipping_method": "standard",
        "shipping_address": {
            "name": "You", "line1": "1 Pier Road", "city": "Hamburg", "postal_code": "20457", "country": "DE",
        },
        "payment": {"token": "tok_success"},
    })),
    responses(
        (status = 201, description = "Ordered and paid; the order is at the `Location`", body = Checkout),
        (status = 202, description = "Under way; the checkout is at the `Location`", body = Checkout),
    ))]
pub(crate) async fn place_order(
    State(gateway): State<Gateway>,
    Change { cx, body }: Change<PlaceOrder>,
) -> Result<Response, Problem> {
    placed(gateway.checkouts()?.place(&cx, body).await?)
}

fn placed(checkout: Checkout) -> Result<Response, Problem> {
    if checkout.status == CheckoutStatus::Failed {
        let (failure, reason) = match checkout.failure {
            Some(failure) => (failure.code, failure.message),
            None => ("unknown".to_owned(), "the reason was not kept".to_owned()),
        };
        return Err(GatewayError::CheckoutFailed { failure, reason }.into());
    }
    let (status, location) = match &checkout.order {
        Some(order) if checkout.status == CheckoutStatus::Completed => {
            (StatusCode::CREATED, format!("/v1/orders/{}", order.id))
        }
        _ => (StatusCode::ACCEPTED, format!("/v1/checkouts/{}", checkout.id)),
    };
    Ok(answer::located(status, &location, Json(checkout).into_response()))
}

/// Shows a checkout: one's own, the one a guest holds the token of, or for staff any.
#[utoipa::path(get, path = "/v1/checkouts/{checkout}", tag = "checkouts",
    params(("checkout" = CheckoutId, Path, description = "Which checkout"), OrderToken),
    responses((status = 200, description = "The checkout", body = Checkout)))]
pub(crate) async fn get_checkout(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(checkout): Path<CheckoutId>,
    OrderToken(token): OrderToken,
) -> Result<Json<Checkout>, Problem> {
    Ok(Json(gateway.checkouts()?.get(&cx, CheckoutRef { checkout, token }).await?))
}

/// Goes on with a checkout after the buyer came back from the payment provider.
#[utoipa::path(post, path = "/v1/checkouts/{checkout}/resume", tag = "checkouts",
    params(("checkout" = CheckoutId, Path, description = "Which checkout"), OrderToken),
    responses((status = 200, description = "The checkout as it stands now", body = Checkout)))]
pub(crate) async fn resume_checkout(
    State(gateway): State<Gateway>,
    BareChange(cx): BareChange,
    Path(checkout): Path<CheckoutId>,
    OrderToken(token): OrderToken,
) -> Result<Json<Checkout>, Problem> {
    Ok(Json(gateway.checkouts()?.resume(&cx, CheckoutRef { checkout, token }).await?))
}

const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// The signature of a report, in its header.
pub(crate) struct Signature;

impl utoipa::IntoParams for Signature {
    fn into_params(
        _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
    ) -> Vec<utoipa::openapi::path::Parameter> {
        vec![text_header("Webhook-Signature", "The provider's signature of the body")]
    }
}

/// Takes in what a payment provider reports; providers only. Each event counts once.
#[utoipa::path(post, path = "/v1/webhooks/payments/{provider}", tag = "checkouts",
    params(("provider" = String, Path, description = "Which provider"), Signature),
    request_body(content = String, content_type = "application/json", description = "The report, exactly as signed"),
    responses((status = 204, description = "Taken in")))]
pub(crate) async fn take_notice(
    State(gateway): State<Gateway>,
    Path(Name(provider)): Path<Name>,
    parts: http::request::Parts,
    body: String,
) -> Result<StatusCode, Problem> {
    let signature = signature(&parts.headers);
    let cx = context(&parts)?;
    gateway.checkouts()?.notify(&cx, Notice { provider, body, signature }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn signature(headers: &HeaderMap) -> Option<String> {
    headers.get(SIGNATURE).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

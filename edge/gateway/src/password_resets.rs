use axum::extract::State;
use http::StatusCode;
use shoal_contract::users::{ConfirmPasswordReset, RequestPasswordReset};
use shoal_net::http::{Json, Problem};

use crate::auth::Cx;
use crate::gateway::Gateway;

/// Asks for a mail with which a forgotten password can be replaced.
///
/// The answer is the same, after the same time, whether there is an account or not. At most five mails an hour go to an
/// account.
#[utoipa::path(post, path = "/v1/password-resets", tag = "users", request_body = RequestPasswordReset,
    responses((status = 202, description = "A mail follows, if there is such an account")))]
pub(crate) async fn request_password_reset(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Json(body): Json<RequestPasswordReset>,
) -> Result<StatusCode, Problem> {
    gateway.users()?.request_password_reset(&cx, body).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Sets a new password with the token of a mail.
///
/// A token is good for an hour and one password. Every session of the user ends.
#[utoipa::path(post, path = "/v1/password-resets/confirm", tag = "users", request_body = ConfirmPasswordReset,
    responses((status = 204, description = "The password is set, every session has ended")))]
pub(crate) async fn confirm_password_reset(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Json(body): Json<ConfirmPasswordReset>,
) -> Result<StatusCode, Problem> {
    gateway.users()?.confirm_password_reset(&cx, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

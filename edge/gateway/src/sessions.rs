use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use shoal_contract::users::{ListSessions, LogIn, Login, Session, SessionId, SessionRef, Token};
use shoal_net::http::{Json, Path, Problem};
use utoipa::ToSchema;

use crate::auth::{Cx, LoggedIn};
use crate::gateway::Gateway;

/// Logs in.
///
/// The token is shown here and nowhere else: send it as `Authorization: Bearer TOKEN`.
#[utoipa::path(post, path = "/v1/sessions", tag = "sessions", request_body = LogIn,
    responses((status = 201, description = "The session and its token", body = Login)))]
pub(crate) async fn log_in(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Json(body): Json<LogIn>,
) -> Result<Response, Problem> {
    Ok(with_token(StatusCode::CREATED, gateway.users()?.log_in(&cx, body).await?))
}

/// Exchanges the token of the session for a new one; the old one ends at once.
#[utoipa::path(post, path = "/v1/sessions/rotate", tag = "sessions", security(("bearer" = [])),
    responses((status = 200, description = "The session and its new token", body = Login)))]
pub(crate) async fn rotate_session(
    State(gateway): State<Gateway>,
    LoggedIn { cx, token, .. }: LoggedIn,
) -> Result<Response, Problem> {
    Ok(with_token(StatusCode::OK, gateway.users()?.rotate_session(&cx, Token { token }).await?))
}

/// Tokens stay out of every cache.
fn with_token(status: StatusCode, login: Login) -> Response {
    (status, [(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(login)).into_response()
}

/// The open sessions of a user.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionList {
    /// The sessions; the one that asks is marked.
    sessions: Vec<Session>,
}

/// Lists one's open sessions.
#[utoipa::path(get, path = "/v1/sessions", tag = "sessions", security(("bearer" = [])),
    responses((status = 200, description = "The sessions", body = SessionList)))]
pub(crate) async fn list_sessions(
    State(gateway): State<Gateway>,
    LoggedIn { cx, user, session, .. }: LoggedIn,
) -> Result<Json<SessionList>, Problem> {
    let request = ListSessions { user, current: Some(session) };
    Ok(Json(SessionList { sessions: gateway.users()?.list_sessions(&cx, request).await? }))
}

/// Logs out everywhere.
#[utoipa::path(delete, path = "/v1/sessions", tag = "sessions", security(("bearer" = [])),
    responses((status = 204, description = "All sessions have ended")))]
pub(crate) async fn revoke_sessions(
    State(gateway): State<Gateway>,
    login: LoggedIn,
) -> Result<StatusCode, Problem> {
    revoke(&gateway, &login, None).await
}

/// Logs out.
#[utoipa::path(delete, path = "/v1/sessions/current", tag = "sessions", security(("bearer" = [])),
    responses((status = 204, description = "The session has ended")))]
pub(crate) async fn log_out(State(gateway): State<Gateway>, login: LoggedIn) -> Result<StatusCode, Problem> {
    revoke(&gateway, &login, Some(login.session)).await
}

/// Ends one of one's sessions.
#[utoipa::path(delete, path = "/v1/sessions/{session}", tag = "sessions", security(("bearer" = [])),
    params(("session" = SessionId, Path, description = "Which session")),
    responses((status = 204, description = "The session has ended")))]
pub(crate) async fn revoke_session(
    State(gateway): State<Gateway>,
    login: LoggedIn,
    Path(session): Path<SessionId>,
) -> Result<StatusCode, Problem> {
    revoke(&gateway, &login, Some(session)).await
}

async fn revoke(
    gateway: &Gateway,
    login: &LoggedIn,
    session: Option<SessionId>,
) -> Result<StatusCode, Problem> {
    let request = SessionRef { user: login.user, session };
    gateway.users()?.revoke_session(&login.cx, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

use axum::extract::FromRequestParts;
use http::HeaderName;
use http::header::{AUTHORIZATION, HeaderMap};
use http::request::Parts;
use shoal_contract::users::{Authenticated, SessionId, Token, UserId};
use shoal_net::http::{Problem, authenticate};
use shoal_types::{Caller, Context, Fault, Secret};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::gateway::Gateway;
use crate::parameters::text_header;

/// The request's context with its caller. Without a token that is nobody; a token that is not valid is refused even
/// where none is needed, so that clients notice that they are logged out.
pub(crate) struct Cx(pub(crate) Context);

impl FromRequestParts<Gateway> for Cx {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let cx = context(parts)?;
        let Some(token) = bearer(&parts.headers)? else { return Ok(Self(cx)) };
        log_in(parts, gateway, cx, token).await.map(|(cx, _)| Self(cx))
    }
}

/// A request by somebody who is logged in.
pub(crate) struct LoggedIn {
    pub(crate) cx: Context,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) token: Secret,
}

impl FromRequestParts<Gateway> for LoggedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let cx = context(parts)?;
        let token = bearer(&parts.headers)?.ok_or(Fault::Unauthenticated {})?;
        let (cx, known) = log_in(parts, gateway, cx, token.clone()).await?;
        Ok(Self { cx, user: known.user, session: known.session, token })
    }
}

/// The context the middleware made.
pub(crate) fn context(parts: &Parts) -> Result<Context, Fault> {
    parts.extensions.get::<Context>().cloned().ok_or(Fault::Internal {})
}

/// The token of `Authorization: Bearer TOKEN`, if the header is there.
///
/// # Errors
/// `Unauthenticated` for any other scheme, and for what cannot be a token.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<Secret>, Fault> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|text| text.split_once(' ')).and_then(|(scheme, rest)| {
        let token = rest.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    });
    token.map(|token| Some(Secret::new(token))).ok_or(Fault::Unauthenticated {})
}

/// Asks the user service whose the token is and notes it in the request.
pub(crate) async fn log_in(
    parts: &mut Parts,
    gateway: &Gateway,
    mut cx: Context,
    token: Secret,
) -> Result<(Context, Authenticated), Problem> {
    let known = gateway.users()?.authenticate(&cx, Token { token }).await?;
    cx.caller = Caller::User { id: known.user, role: known.role };
    authenticate(&mut parts.extensions, cx.caller);
    Ok((cx, known))
}

/// The `Order-Token` header: what a guest was given to see their order by.
pub(crate) struct OrderToken(pub(crate) Option<Secret>);

impl OrderToken {
    pub(crate) const NAME: HeaderName = HeaderName::from_static("order-token");
}

impl<S: Sync> FromRequestParts<S> for OrderToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let value = parts.headers.get(Self::NAME).and_then(|value| value.to_str().ok());
        Ok(Self(value.map(Secret::new)))
    }
}

impl IntoParams for OrderToken {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![text_header("Order-Token", "What a guest was given at checkout to see the order by")]
    }
}

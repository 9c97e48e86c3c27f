use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use shoal_types::{Context, Fact, Kind};

use crate::page::{Frame, Kept, html};
use crate::shop::Shop;
use crate::words;

/// Why a page cannot be shown, in words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) kind: Kind,
    pub(crate) code: &'static str,
    pub(crate) sentence: String,
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    frame: Frame,
    heading: &'static str,
    sentence: String,
    request_id: Option<String>,
}

impl Trouble {
    pub(crate) fn new(kind: Kind, code: &'static str, sentence: impl Into<String>) -> Self {
        Self { kind, code, sentence: sentence.into() }
    }

    /// There is nothing at this address.
    pub(crate) fn missing() -> Self {
        Self::new(
            Kind::NotFound,
            "not_found",
            "There is nothing at this address. It may have been sold out of the shop, or the tide took it.",
        )
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self.kind {
            Kind::Malformed => StatusCode::BAD_REQUEST,
            Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Conflict | Kind::Stale => StatusCode::CONFLICT,
            Kind::PaymentRefused => StatusCode::PAYMENT_REQUIRED,
            Kind::Limited => StatusCode::TOO_MANY_REQUESTS,
            Kind::Unavailable | Kind::Full => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn heading(&self) -> &'static str {
        match self.kind {
            Kind::NotFound => "Nothing here but gulls",
            Kind::Forbidden => "Not this way",
            Kind::Limited => "One moment, please",
            Kind::Unavailable | Kind::Timeout | Kind::Full => "The shop is hard to reach",
            Kind::Internal => "Something broke on our side",
            _ => "That did not work",
        }
    }

    /// The page that says it.
    pub(crate) async fn page(self, shop: &Shop, context: &Context) -> Response {
        let status = self.status();
        let request_id = status.is_server_error().then(|| context.request_id.to_string());
        let frame = Frame::bare(shop, context, self.heading()).await;
        let page = TroublePage { frame, heading: self.heading(), sentence: self.sentence, request_id };
        html(status, Kept::Never, &page).unwrap_or_else(|_| status.into_response())
    }
}

impl<E: Fact> From<E> for Trouble {
    fn from(error: E) -> Self {
        if error.kind() == Kind::NotFound && error.code() != "unknown_sku" {
            return Self { code: error.code(), ..Self::missing() };
        }
        Self::new(error.kind(), error.code(), words::sentence(&error))
    }
}

/// The status alone; [`guard`](crate::guard::guard) finds the trouble here and shows its page.
impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

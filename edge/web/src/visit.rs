use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::HeaderName;
use http::header::HeaderMap;
use http::request::Parts;
use shoal_contract::orders::{self, Cart, CartId, CartRef, CartStatus, FindCart, NewCart, OrderId};
use shoal_contract::users::{SessionId, Token, UserId};
use shoal_net::http::{Peer, authenticate};
use shoal_types::{Caller, Context, Fault, Kind, Secret};

use crate::cookies::Cookie;
use crate::shop::Shop;
use crate::trouble::Trouble;

/// How long a guest's cart, checkout and orders are remembered by their browser.
pub(crate) const GUEST_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Orders of a guest whose tokens their browser keeps; older ones are dropped.
const ORDERS_KEPT_MAX: usize = 8;
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A request with what its browser remembers: who it is, and whose cart.
pub(crate) struct Visit {
    pub(crate) cx: Context,
    pub(crate) customer: Option<Customer>,
    headers: HeaderMap,
    secure: bool,
    /// The session has ended elsewhere: its cookie goes.
    stale: bool,
}

/// Somebody who is logged in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Customer {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
}

impl FromRequestParts<Shop> for Visit {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, Trouble> {
        let cx = parts.extensions.get::<Context>().cloned().ok_or(Fault::Internal {})?;
        let (secure, headers) = (is_secure(parts, shop), parts.headers.clone());
        let mut visit = Self { cx, customer: None, headers, secure, stale: false };
        let Some(token) = Cookie::Session.read(&visit.headers) else { return Ok(visit) };
        match shop.users().authenticate(&visit.cx, Token { token: Secret::new(token) }).await {
            Ok(known) => {
                visit.cx.caller = Caller::User { id: known.user, role: known.role };
                visit.customer = Some(Customer { user: known.user, session: known.session });
                authenticate(&mut parts.extensions, visit.cx.caller);
            }
            Err(error) => {
                let trouble = Trouble::from(error);
                if trouble.kind != Kind::Unauthenticated {
                    return Err(trouble);
                }
                visit.stale = true;
            }
        }
        Ok(visit)
    }
}

/// Whether the browser speaks HTTPS, as far as a trusted proxy tells.
fn is_secure(parts: &Parts, shop: &Shop) -> bool {
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip().to_canonical());
    let trusted = peer.is_some_and(|peer| shop.options.trusted_proxies.contains(&peer));
    let proto = parts.headers.get(FORWARDED_PROTO).and_then(|value| value.to_str().ok());
    let last = proto.and_then(|text| text.rsplit(',').next()).map(str::trim);
    trusted && last.is_some_and(|proto| proto.eq_ignore_ascii_case("https"))
}

impl Visit {
    /// The customer.
    ///
    /// # Errors
    /// `Unauthenticated` for a guest.
    pub(crate) fn require_customer(&self) -> Result<Customer, Trouble> {
        self.customer.ok_or_else(|| Fault::Unauthenticated {}.into())
    }

    pub(crate) fn cookie(&self, cookie: Cookie) -> Option<String> {
        cookie.read(&self.headers)
    }

    pub(crate) fn keep(&self, response: &mut Response, cookie: Cookie, value: &str, life: Duration) {
        cookie.keep(response.headers_mut(), value, life, self.secure);
    }

    pub(crate) fn forget(&self, response: &mut Response, cookie: Cookie) {
        cookie.forget(response.headers_mut(), self.secure);
    }

    /// Whether the session that the browser remembers has ended.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    /// The guest's cart that the browser remembers.
    pub(crate) fn guest_cart(&self) -> Option<CartId> {
        self.cookie(Cookie::Cart)?.parse().ok()
    }

    /// The cart, if there is one that is not ordered yet.
    pub(crate) async fn cart(&self, shop: &Shop) -> Result<Option<Cart>, Trouble> {
        if self.customer.is_some() {
            return Ok(shop.orders().find_cart(&self.cx, FindCart {}).await?);
        }
        let Some(cart) = self.guest_cart() else { return Ok(None) };
        match shop.orders().get_cart(&self.cx, CartRef { cart }).await {
            Ok(cart) => {
                let live = matches!(cart.status, CartStatus::Open | CartStatus::Paying);
                Ok(Some(cart).filter(|cart| live && cart.customer.is_none()))
            }
            Err(orders::Error::UnknownCart {}) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The cart, opened now if there is none.
    pub(crate) async fn cart_or_new(&self, shop: &Shop) -> Result<Cart, Trouble> {
        if let Some(cart) = self.cart(shop).await? {
            return Ok(cart);
        }
        let currency = Some(shop.options.currency);
        let new = NewCart { currency, lines: Vec::new(), details: Default::default() };
        Ok(shop.orders().create_cart(&self.cx, new).await?)
    }

    /// Lets a guest's browser remember the cart.
    pub(crate) fn remember_cart(&self, response: &mut Response, cart: &Cart) {
        if cart.customer.is_none() {
            self.keep(response, Cookie::Cart, &cart.id.to_string(), GUEST_LIFE);
        }
    }

    /// Lets the browser of a guest see their order again.
    pub(crate) fn remember_order(&self, response: &mut Response, order: OrderId, token: &Secret) {
        let newest = format!("{order}.{}", token.expose());
        let kept = self.cookie(Cookie::Orders).unwrap_or_default();
        let older = kept.split('~').filter(|entry| !entry.is_empty() && *entry != newest);
        let entries: Vec<&str> =
            std::iter::once(newest.as_str()).chain(older).take(ORDERS_KEPT_MAX).collect();
        self.keep(response, Cookie::Orders, &entries.join("~"), GUEST_LIFE);
    }

    /// The token by which the guest sees `order`.
    pub(crate) fn order_token(&self, order: OrderId) -> Option<Secret> {
        let (kept, order) = (self.cookie(Cookie::Orders)?, order.to_string());
        let mut entries = kept.split('~').filter_map(|entry| entry.split_once('.'));
        entries.find(|(id, _)| *id == order).map(|(_, token)| Secret::new(token))
    }
}

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use http::{HeaderName, HeaderValue, StatusCode};
use shoal_contract::orders::Cart;
use shoal_contract::products::{Category, ListCategories};
use shoal_types::{Context, Fault};

use crate::assets;
use crate::cookies::Cookie;
use crate::shop::Shop;
use crate::trouble::Trouble;
use crate::visit::Visit;

/// Our own style sheet and no script at all; pictures from here or over HTTPS; forms lead back here.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' https:; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'",
);
/// Without a referrer browsers would send our forms with the origin `null`.
const REFERRER: HeaderValue = HeaderValue::from_static("same-origin");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// What may be kept of a page by the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Only to ask whether it has changed: it shows the cart's count.
    Checked,
    /// Nothing: it shows what is private.
    Never,
}

/// What every page shows around its own content.
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) name: String,
    pub(crate) tagline: String,
    pub(crate) style: &'static str,
    pub(crate) icon: String,
    pub(crate) logo: Option<String>,
    pub(crate) departments: Vec<Department>,
    /// Pieces in the cart.
    pub(crate) pieces: i64,
    pub(crate) logged_in: bool,
    /// What is in the search field.
    pub(crate) words: String,
    /// Whether nothing here is paid with real money.
    pub(crate) trial: bool,
    /// Seconds after which the page asks again.
    pub(crate) refresh_s: Option<u32>,
    stale: bool,
}

/// A top category in the menu.
pub(crate) struct Department {
    pub(crate) slug: String,
    pub(crate) title: String,
    pub(crate) current: bool,
}

impl Frame {
    /// The frame of a page for `visit`, whose cart is looked up.
    pub(crate) async fn new(shop: &Shop, visit: &Visit, title: &str) -> Result<Self, Trouble> {
        let cart = visit.cart(shop).await?;
        Ok(Self::with_cart(shop, visit, title, cart.as_ref()).await)
    }

    /// The frame of a page that knows its cart.
    pub(crate) async fn with_cart(shop: &Shop, visit: &Visit, title: &str, cart: Option<&Cart>) -> Self {
        let mut frame = Self::bare(shop, &visit.cx, title).await;
        frame.pieces = cart.map_or(0, |cart| cart.lines.iter().map(|line| line.quantity).sum());
        frame.logged_in = visit.customer.is_some();
        frame.stale = visit.is_stale();
        frame
    }

    /// The frame of a page that can be shown whatever is away.
    pub(crate) async fn bare(shop: &Shop, cx: &Context, title: &str) -> Self {
        let options = &shop.options;
        let logo = shop.picture("logo.svg");
        Self {
            title: title.to_owned(),
            description: options.tagline.clone(),
            name: options.name.clone(),
            tagline: options.tagline.clone(),
            style: assets::style_address(),
            icon: logo.clone().unwrap_or_else(|| assets::ICON_PATH.to_owned()),
            logo,
            departments: departments(&categories(shop, cx).await),
            pieces: 0,
            logged_in: false,
            words: String::new(),
            trial: options.test_provider,
            refresh_s: None,
            stale: false,
        }
    }

    /// Marks the department the page belongs to.
    pub(crate) fn within(mut self, root: Option<&str>) -> Self {
        for department in &mut self.departments {
            department.current = Some(department.slug.as_str()) == root;
        }
        self
    }
}

/// The category tree; empty while the product service is away, for a menu is not worth an error.
pub(crate) async fn categories(shop: &Shop, cx: &Context) -> Vec<Category> {
    shop.products().list_categories(cx, ListCategories {}).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "a page is shown without the categories");
        Vec::new()
    })
}

fn departments(categories: &[Category]) -> Vec<Department> {
    let roots = categories.iter().filter(|category| category.parent.is_none());
    let department =
        |it: &Category| Department { slug: it.slug.clone(), title: it.title.clone(), current: false };
    roots.map(department).collect()
}

/// A page that has a frame.
pub(crate) trait Framed: Template {
    fn frame(&self) -> &Frame;
}

/// Shows a page to its visitor.
pub(crate) fn shown(visit: &Visit, kept: Kept, page: &impl Framed) -> Result<Response, Trouble> {
    refused(visit, StatusCode::OK, kept, page)
}

/// Shows a page that says what was wrong.
pub(crate) fn refused(
    visit: &Visit,
    status: StatusCode,
    kept: Kept,
    page: &impl Framed,
) -> Result<Response, Trouble> {
    let mut response = html(status, kept, page)?;
    if page.frame().stale {
        visit.forget(&mut response, Cookie::Session);
    }
    Ok(response)
}

/// Writes a page with the headers every page has.
pub(crate) fn html(status: StatusCode, kept: Kept, page: &impl Template) -> Result<Response, Trouble> {
    let text = page.render().map_err(|error| {
        tracing::error!(%error, "a page cannot be rendered");
        Fault::Internal {}
    })?;
    let cache_control = match kept {
        Kept::Checked => "private, no-cache",
        Kept::Never => "no-store",
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static(cache_control)),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, REFERRER),
        (OPENER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    Ok((status, headers, text).into_response())
}

/// Leads on to a page of the shop after a form.
pub(crate) fn lead_to(path: &str) -> Response {
    // Paths are made of our own routes, ids and encoded parameters.
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(http::header::LOCATION, location)]).into_response()
}

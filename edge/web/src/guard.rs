use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{HOST, HeaderMap, ORIGIN};
use http::{HeaderName, Method};
use shoal_types::{Context, Kind};

use crate::shop::Shop;
use crate::trouble::Trouble;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what another site makes a browser send, and shows trouble as a page.
pub(crate) async fn guard(State(shop): State<Shop>, request: Request, next: Next) -> Response {
    let context = request.extensions().get::<Context>().cloned();
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = if changes && !is_from_here(&request) {
        Trouble::new(
            Kind::Forbidden,
            "cross_site",
            "This form was sent by another site. Please send it from the shop.",
        )
        .into_response()
    } else {
        next.run(request).await
    };
    match (response.extensions_mut().remove::<Trouble>(), context) {
        (Some(trouble), Some(context)) => trouble.page(&shop, &context).await,
        _ => response,
    }
}

fn is_from_here(request: &Request) -> bool {
    let authority = request.uri().authority().map(|authority| authority.as_str().to_owned());
    is_same_origin(request.headers(), authority.as_deref())
}

/// Whether one of our own pages sent it, or something that is no browser: browsers that keep cookies name the site
/// (`Sec-Fetch-Site`) or at least the origin of a form that is sent.
fn is_same_origin(headers: &HeaderMap, authority: Option<&str>) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text(&FETCH_SITE) {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(&ORIGIN) else { return true };
    let host = text(&HOST).or(authority);
    let from = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    from.is_some() && from == host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(pairs: &[(&'static str, &'static str)]) -> bool {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), http::HeaderValue::from_static(value))
        };
        is_same_origin(&pairs.iter().map(header).collect(), None)
    }

    #[test]
    fn our_own_forms_pass() {
        assert!(judged(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(judged(&[("origin", "https://shop.example"), ("host", "shop.example")]));
        assert!(judged(&[("origin", "http://127.0.0.1:7070"), ("host", "127.0.0.1:7070")]));
        assert!(judged(&[("host", "shop.example")]), "no browser");
    }

    #[test]
    fn the_forms_of_other_sites_do_not() {
        for site in ["cross-site", "same-site", "?"] {
            let header = ("sec-fetch-site", site);
            assert!(
                !judged(&[header, ("origin", "https://shop.example"), ("host", "shop.example")]),
                "{site}"
            );
        }
        for origin in ["https://evil.example", "null", "https://shop.example.evil.example", "shop.example"] {
            assert!(!judged(&[("origin", origin), ("host", "shop.example")]), "{origin}");
        }
    }
}

//! A page for each error code, made from the declarations of the errors: what `type` in a problem links to.

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::response::{Html, IntoResponse, Response};
use http::header::CONTENT_SECURITY_POLICY;
use shoal_contract::{checkout, notifications, orders, products, users};
use shoal_net::http::{HttpError, Path, Problem, status_of};
use shoal_types::{ErrorPage, Fault};

use crate::docs::PAGE_POLICY;
use crate::error::GatewayError;
use crate::parameters::Name;

/// Every error the API can answer with, by code. Some codes have two meanings that differ in their status.
pub(crate) fn by_code() -> BTreeMap<&'static str, Vec<&'static ErrorPage>> {
    let services = [
        users::Error::PAGES,
        products::Error::PAGES,
        orders::Error::PAGES,
        checkout::Error::PAGES,
        notifications::Error::PAGES,
    ];
    let others = [Fault::PAGES, HttpError::PAGES, GatewayError::PAGES];
    let mut pages = BTreeMap::<_, Vec<_>>::new();
    for page in others.into_iter().chain(services).flatten() {
        pages.entry(page.code).or_default().push(page);
    }
    pages
}

/// Lists the error codes.
#[utoipa::path(get, path = "/errors", tag = "node",
    responses((status = 200, description = "A page for people", content_type = "text/html", body = String)))]
pub(crate) async fn list_errors() -> Response {
    let mut text =
        String::from("<h1>Error codes</h1><table><tr><th>code</th><th>status</th><th>says</th></tr>");
    for page in by_code().into_values().flatten() {
        let (code, status, message) = (page.code, status_of(page).as_u16(), escaped(page.message));
        let _ = write!(
            text,
            "<tr><td><a href=\"/errors/{code}\">{code}</a></td><td>{status}</td><td>{message}</td></tr>"
        );
    }
    text.push_str("</table>");
    html("Error codes", &text)
}

/// Explains an error code.
#[utoipa::path(get, path = "/errors/{code}", tag = "node",
    params(("code" = String, Path, description = "The `code` of a problem")),
    responses((status = 200, description = "A page for people", content_type = "text/html", body = String)))]
pub(crate) async fn get_error(Path(Name(code)): Path<Name>) -> Result<Response, Problem> {
    let found = by_code().remove(&*code).ok_or(HttpError::NotFound {})?;
    let mut text = format!("<h1><code>{}</code></h1>", escaped(&code));
    for page in found {
        let _ = write!(
            text,
            "<p class=\"status\">{}</p><blockquote>{}</blockquote><p>{}</p>",
            status_of(page),
            escaped(page.message),
            escaped(page.text.concat().trim()),
        );
    }
    text.push_str("<p><a href=\"/errors\">All codes</a></p>");
    Ok(html(&code, &text))
}

fn html(title: &str, text: &str) -> Response {
    let title = escaped(title);
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title} · Shoal</title>\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <link rel=\"stylesheet\" href=\"/docs/page.css\"><body class=\"text\"><main>{text}</main></body></html>"
    );
    ([(CONTENT_SECURITY_POLICY, PAGE_POLICY)], Html(page)).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

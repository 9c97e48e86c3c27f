//! The API description, generated from the handlers, with what holds for all of them added in one place.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde_json::json;
use shoal_net::http::{Problem, status_of};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{AllOfBuilder, Components, Content, InfoBuilder, OpenApi, Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::closed::close_request_bodies;
use crate::parameters::text_header;
use crate::{error_pages, routes};

const ABOUT: &str = "\
A shop's public API: users, products, carts, orders, checkouts.

- Money is `{\"amount\": 1999, \"currency\": \"EUR\"}` in minor units; times are RFC 3339 in UTC; ids are TypeIDs.
- Lists answer `{\"products\": [...], \"next\": \"...\"}`: send `next` as `cursor` to get the next page.
- Errors are `application/problem+json` (RFC 9457) with a stable `code`; its `type` links to a page about it.
- Log in with `POST /v1/sessions` and send the token as `Authorization: Bearer TOKEN`.
- Send an `Idempotency-Key` with a `POST` that changes something: a repeat changes nothing twice.
- Resources with a version have an `ETag`: send it as `If-Match` to change only what was read.
- Every answer has an `X-Request-Id`; send one and it is taken over.";

const TAGS: [(&str, &str); 13] = [
    ("users", "Accounts, roles and addresses"),
    ("sessions", "Logging in and out"),
    ("products", "The catalogue and its search"),
    ("categories", "The category tree"),
    ("stock", "How much there is of each SKU"),
    ("carts", "What somebody is about to buy"),
    ("checkouts", "Buying it"),
    ("orders", "What was bought, sent, returned and refunded"),
    ("settings", "Tax rates and shipping zones"),
    ("mails", "What people are sent, and what became of it"),
    ("webhooks", "What programs outside are sent"),
    ("overview", "Many services on one page"),
    ("node", "The node itself, and those beside it"),
];

/// The API description: OpenAPI 3.1, every route the gateway serves.
pub fn openapi() -> OpenApi {
    let mut api = routes::described().into_openapi();
    api.info = InfoBuilder::new()
        .title("Shoal")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(utoipa::openapi::License::new("Apache-2.0 OR MIT")))
        .build();
    api.tags = Some(
        TAGS.into_iter()
            .map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build())
            .collect(),
    );
    add_node_routes(&mut api);
    for (path, item) in &mut api.paths.paths {
        for (method, operation) in operations(item) {
            complete(path, method, operation);
        }
    }
    let used = statuses_used(&mut api);
    let components = api.components.get_or_insert_default();
    components.add_security_scheme("bearer", bearer());
    add_problems(components, &used);
    close_request_bodies(&mut api);
    api
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    [("get", get), ("post", post), ("put", put), ("patch", patch), ("delete", delete)]
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Adds the routes that `net` serves.
fn add_node_routes(api: &mut OpenApi) {
    let routes = [
        ("/healthz", "is_alive", "Says whether the node lives", "application/json", false),
        ("/readyz", "is_ready", "Says whether the node wants work", "application/json", true),
        ("/metrics", "get_metrics", "Shows the node's metrics as Prometheus reads them", "text/plain", false),
    ];
    for (path, id, summary, content_type, may_refuse) in routes {
        let answer = |about: &str| {
            let content = match content_type {
                "application/json" => Content::new(Some(ObjectBuilder::new())),
                _ => Content::new(Some(String::schema())),
            };
            ResponseBuilder::new().description(about).content(content_type, content)
        };
        let mut operation = utoipa::openapi::path::OperationBuilder::new()
            .operation_id(Some(id))
            .summary(Some(summary))
            .tag("node")
            .response("200", answer("Yes"));
        if may_refuse {
            operation = operation.response("503", answer("Not now"));
        }
        let item = PathItem::new(utoipa::openapi::HttpMethod::Get, operation);
        api.paths.paths.insert(path.into(), item);
    }
}

/// Adds to an operation what holds for all of its sort.
fn complete(path: &str, method: &str, operation: &mut Operation) {
    // Doc comments are sentences, summaries are titles.
    operation.summary = operation.summary.take().map(|text| text.trim_end_matches('.').to_owned());
    let has_parameter = |name: &str| {
        let parameters = operation.parameters.iter().flatten();
        parameters.into_iter().any(|parameter| matches!(parameter, RefOr::T(own) if own.name == name))
    };
    let (conditional, cacheable) = (has_parameter("If-Match"), has_parameter("If-None-Match"));
    if cacheable {
        let same = ResponseBuilder::new().description("It still is the version named in `If-None-Match`");
        operation.responses.responses.insert("304".into(), same.build().into());
    }
    if !path.starts_with("/v1/") {
        let extra = if path.contains('{') { &[404, 500][..] } else { &[][..] };
        add_refusals(operation, extra);
        return;
    }
    if operation.security.is_none() {
        // Nobody need be logged in, but whoever is may be answered more.
        let optional = SecurityRequirement::new("bearer", [] as [&str; 0]);
        operation.security = Some(vec![SecurityRequirement::default(), optional]);
    }
    if method == "post" && takes_key(path) {
        let mut key =
            text_header("Idempotency-Key", "Unique for this change: a repeat of it changes nothing twice");
        key.schema = Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(255))
                .pattern(Some("^[!-~]+$"))
                .into(),
        );
        operation.parameters.get_or_insert_default().push(key.into());
    }
    // 400: any header or body may be unreadable. 404: any path may hold an id that nothing has.
    add_refusals(operation, &[400, 401, 403, 404, 414, 422, 429, 500, 503, 504]);
    if method != "get" {
        add_refusals(operation, &[409, 413, 507]);
    }
    if operation.request_body.is_some() {
        add_refusals(operation, &[415]);
    }
    if conditional {
        add_refusals(operation, &[412]);
    }
    if moves_money(path) && method == "post" {
        add_refusals(operation, &[402, 412]);
    }
    if path.ends_with("/shipping-options") {
        // The one read that needs the thing to be in a certain state: a cart with an address.
        add_refusals(operation, &[409]);
    }
    add_headers(operation);
}

/// What a checkout says may come from any service it asks.
fn moves_money(path: &str) -> bool {
    path.starts_with("/v1/checkouts")
        || ["/cancel", "/returns", "/refunds"].iter().any(|end| path.ends_with(end))
}

/// Logging in again is a new login, and a provider's report has its own identity.
fn takes_key(path: &str) -> bool {
    !path.starts_with("/v1/sessions") && !path.starts_with("/v1/webhooks")
}

fn add_refusals(operation: &mut Operation, statuses: &[u16]) {
    for status in statuses {
        let refusal = RefOr::Ref(Ref::from_response_name(refusal_name(*status)));
        operation.responses.responses.entry(status.to_string()).or_insert(refusal);
    }
}

fn refusal_name(status: u16) -> String {
    let words = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    words.unwrap_or("Other").replace([' ', '-'], "")
}

/// Names the headers of answers that have them.
fn add_headers(operation: &mut Operation) {
    const VERSIONED: [&str; 6] =
        ["User", "Product", "Cart", "Order", "WebhookEndpoint", "WebhookEndpointSecret"];
    let header =
        |about: &str| HeaderBuilder::new().schema(Some(String::schema())).description(Some(about)).build();
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let versioned = schema_name(response).is_some_and(|name| VERSIONED.contains(&name));
        if versioned {
            response.headers.insert("ETag".into(), header("The version, for `If-Match`").into());
        }
        if (versioned && status == "201") || status == "202" {
            response.headers.insert("Location".into(), header("Where it is from now on").into());
        }
    }
}

fn schema_name(response: &Response) -> Option<&str> {
    let RefOr::T(content) = response.content.get("application/json")? else { return None };
    match content.schema.as_ref()? {
        RefOr::Ref(reference) => reference.ref_location.strip_prefix("#/components/schemas/"),
        RefOr::T(_) => None,
    }
}

fn statuses_used(api: &mut OpenApi) -> BTreeSet<u16> {
    let items = api.paths.paths.values_mut();
    let responses = items.flat_map(|item| operations(item).collect::<Vec<_>>()).flat_map(|(_, operation)| {
        operation.responses.responses.iter().filter(|(_, response)| matches!(response, RefOr::Ref(_)))
    });
    responses.filter_map(|(status, _)| status.parse().ok()).collect()
}

fn bearer() -> SecurityScheme {
    let about = "The `token` of `POST /v1/sessions`";
    SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about)).build())
}

/// One response for each status a refusal can have, with the codes it can carry.
fn add_problems(components: &mut Components, statuses: &BTreeSet<u16>) {
    let mut codes = BTreeMap::<u16, BTreeSet<&str>>::new();
    for page in error_pages::by_code().into_values().flatten() {
        codes.entry(status_of(page).as_u16()).or_default().insert(page.code);
    }
    components.schemas.insert(Problem::name().into(), Problem::schema());
    let mut others = Vec::new();
    Problem::schemas(&mut others);
    components.schemas.extend(others);
    for status in statuses {
        let own = codes.remove(status).unwrap_or_default();
        components.responses.insert(refusal_name(*status), refusal(*status, &own).into());
    }
}

fn refusal(status: u16, codes: &BTreeSet<&str>) -> Response {
    let list = codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ");
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes.iter().copied()));
    let own = ObjectBuilder::new()
        .property("status", ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([status])))
        .property("code", code);
    let schema = AllOfBuilder::new().item(Ref::from_schema_name(Problem::name())).item(own);
    let example = codes.first().map(|code| {
        json!({"type": format!("/errors/{code}"), "title": code.replace('_', " "), "status": status, "code": code,
               "detail": "A sentence for people."})
    });
    let content = utoipa::openapi::ContentBuilder::new().schema(Some(schema)).example(example);
    ResponseBuilder::new()
        .description(format!("A problem with one of the codes {list}"))
        .content("application/problem+json", content.build())
        .build()
}

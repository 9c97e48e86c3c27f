//! That the conversation leaves nothing out, held against the API's own description and its own list of errors.

use std::collections::BTreeSet;

use shoal_testkit::{Exchange, Fleet, Recording, Route};

/// Routes that refuse nothing.
const WITHOUT_FAULT: [&str; 9] = [
    "GET /",
    "GET /errors",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /v1/categories",
    "GET /v1/settings/tax-rates",
    "GET /v1/settings/shipping-zones",
    "DELETE /v1/carts/{cart}",
];

/// Routes that need a mail, which this shop does not send: services/notifications and services/users ask them.
const WITHOUT_MAIL: [&str; 2] = ["POST /v1/password-resets/confirm", "POST /v1/mails/{mail}/resend"];

/// Codes that no conversation with a healthy shop brings about, with the suite that does.
const ELSEWHERE: [(&str, &str); 18] = [
    ("body_too_large", "bad_input: the answer may be lost with the connection"),
    ("checkout_failed", "saga: a failure without a code of its own"),
    ("deadline_exceeded", "edge/gateway"),
    ("if_match_missing", "platform/net: no route insists on If-Match"),
    ("internal", "platform/net"),
    ("malformed_request", "bad_input: the connection ends with it"),
    ("overloaded", "platform/net"),
    ("payment_timed_out", "saga: half an hour later"),
    ("rate_limited", "platform/net: this machine is exempt"),
    ("reservation_gone", "services/products"),
    ("still_processing", "saga"),
    ("storage_full", "bad_input"),
    ("storage_read_only", "bad_input"),
    ("too_many_lines", "services/orders: 501 SKUs"),
    ("too_many_webhook_endpoints", "services/notifications: 51 endpoints"),
    ("truncated_body", "bad_input: the connection ends with it"),
    ("unavailable", "apart: a service is away"),
    ("amount_too_large", "bad_input: a hundred lines of the dearest"),
];

/// Panics with the routes that were never asked well, never refused anything, or never said that nothing changed, and
/// with the codes that nobody was told.
pub(crate) async fn all_of_it(fleet: &Fleet, recording: &Recording) {
    let routes = Route::all(&fleet.guest()).await;
    let said: Vec<_> = recording
        .exchanges()
        .iter()
        .filter_map(|said| Some((route_of(&routes, said)?, said.status)))
        .collect();
    let mut missing = Vec::new();
    for route in &routes {
        let name = name(route);
        let has = |fits: &dyn Fn(u16) -> bool| said.iter().any(|(of, status)| *of == name && fits(*status));
        if !has(&|status| (200..300).contains(&status)) && !WITHOUT_MAIL.contains(&name.as_str()) {
            missing.push(format!("{name} never answers well"));
        }
        if !has(&|status| (400..500).contains(&status)) && !WITHOUT_FAULT.contains(&name.as_str()) {
            missing.push(format!("{name} never refuses anything"));
        }
        if route.may_be_unchanged && !has(&|status| status == 304) {
            missing.push(format!("{name} never says that nothing changed"));
        }
    }
    missing.extend(codes_left_out(fleet, recording).await);
    assert!(missing.is_empty(), "the conversation leaves out:\n{}", missing.join("\n"));
}

fn name(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

/// The route a request went to: of those that fit, the one with the fewest parameters.
fn route_of(routes: &[Route], said: &Exchange) -> Option<String> {
    let path = said.path.split('?').next().unwrap_or_default();
    let fits = |route: &&Route| {
        let (parts, wanted): (Vec<_>, Vec<_>) = (path.split('/').collect(), route.path.split('/').collect());
        let part_fits = |(part, wanted): (&&str, &&str)| part == wanted || wanted.starts_with('{');
        route.method == said.method && parts.len() == wanted.len() && parts.iter().zip(&wanted).all(part_fits)
    };
    routes.iter().filter(fits).min_by_key(|route| route.path.matches('{').count()).map(name)
}

/// The API's errors that nobody was told.
async fn codes_left_out(fleet: &Fleet, recording: &Recording) -> Vec<String> {
    let page = fleet.guest().get("/errors").await.expect(200);
    let page = String::from_utf8_lossy(&page.body).into_owned();
    let codes: BTreeSet<_> =
        page.split("href=\"/errors/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(codes.len() > 50, "the list of errors has lost some: {codes:?}");
    let told: BTreeSet<_> = recording.exchanges().iter().map(|said| said.code.as_str()).collect();
    let elsewhere = |code: &str| ELSEWHERE.iter().any(|(other, _)| *other == code);
    let untold = codes.into_iter().filter(|code| !told.contains(code) && !elsewhere(code));
    untold.map(|code| format!("nobody is told {code}")).collect()
}

use std::collections::BTreeSet;

use serde_json::Value;

fn described() -> Value {
    serde_json::to_value(shoal_gateway::openapi()).expect("serialises")
}

fn operations(api: &Value) -> Vec<(String, &Value)> {
    let paths = api["paths"].as_object().expect("paths");
    let items = paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().into_iter().flatten();
        operations.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    });
    items.collect()
}

#[test]
fn every_route_is_described() {
    let api = described();
    let lines: Vec<String> = operations(&api).into_iter().map(|(line, _)| line).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    GET /
    GET /errors
    GET /errors/{code}
    GET /healthz
    GET /media/{name}
    GET /metrics
    GET /readyz
    POST /v1/admin/users
    GET /v1/carts
    POST /v1/carts
    GET /v1/carts/current
    DELETE /v1/carts/{cart}
    GET /v1/carts/{cart}
    PATCH /v1/carts/{cart}
    POST /v1/carts/{cart}/lines
    DELETE /v1/carts/{cart}/lines/{sku}
    PUT /v1/carts/{cart}/lines/{sku}
    POST /v1/carts/{cart}/merge
    GET /v1/carts/{cart}/shipping-options
    GET /v1/categories
    POST /v1/categories
    DELETE /v1/categories/{category}
    PUT /v1/categories/{category}
    POST /v1/checkouts
    GET /v1/checkouts/{checkout}
    POST /v1/checkouts/{checkout}/resume
    GET /v1/cluster
    GET /v1/mails
    POST /v1/mails/{mail}/resend
    GET /v1/me
    PATCH /v1/me
    GET /v1/orders
    GET /v1/orders/{order}
    POST /v1/orders/{order}/cancel
    POST /v1/orders/{order}/fulfilments
    POST /v1/orders/{order}/notes
    GET /v1/orders/{order}/payments
    POST /v1/orders/{order}/refunds
    POST /v1/orders/{order}/returns
    GET /v1/orders/{order}/timeline
    GET /v1/overview
    POST /v1/password-resets
    POST /v1/password-resets/confirm
    GET /v1/products
    POST /v1/products
    DELETE /v1/products/{product}
    GET /v1/products/{product}
    PUT /v1/products/{product}
    GET /v1/sales
    POST /v1/sales/recount
    GET /v1/search
    DELETE /v1/sessions
    GET /v1/sessions
    POST /v1/sessions
    DELETE /v1/sessions/current
    POST /v1/sessions/rotate
    DELETE /v1/sessions/{session}
    GET /v1/settings/shipping-zones
    PUT /v1/settings/shipping-zones
    GET /v1/settings/tax-rates
    PUT /v1/settings/tax-rates
    GET /v1/stock
    GET /v1/stock/{sku}
    POST /v1/stock/{sku}/adjustments
    GET /v1/stock/{sku}/movements
    GET /v1/users
    POST /v1/users
    DELETE /v1/users/{user}
    GET /v1/users/{user}
    PATCH /v1/users/{user}
    GET /v1/users/{user}/addresses
    POST /v1/users/{user}/addresses
    DELETE /v1/users/{user}/addresses/{address}
    PUT /v1/users/{user}/addresses/{address}
    PUT /v1/users/{user}/password
    PUT /v1/users/{user}/role
    GET /v1/webhook-endpoints
    POST /v1/webhook-endpoints
    DELETE /v1/webhook-endpoints/{endpoint}
    GET /v1/webhook-endpoints/{endpoint}
    PATCH /v1/webhook-endpoints/{endpoint}
    GET /v1/webhook-endpoints/{endpoint}/deliveries
    GET /v1/webhook-endpoints/{endpoint}/deliveries/{delivery}
    POST /v1/webhook-endpoints/{endpoint}/deliveries/{delivery}/resend
    POST /v1/webhook-endpoints/{endpoint}/disable
    POST /v1/webhook-endpoints/{endpoint}/enable
    POST /v1/webhook-endpoints/{endpoint}/resend
    POST /v1/webhook-endpoints/{endpoint}/secret
    POST /v1/webhook-endpoints/{endpoint}/test
    POST /v1/webhooks/payments/{provider}
    ");
}

#[test]
fn each_operation_says_what_it_does_and_how_it_may_refuse() {
    let api = described();
    let mut ids = BTreeSet::new();
    for (line, operation) in operations(&api) {
        let id = operation["operationId"].as_str().expect("an id");
        assert!(ids.insert(id), "{line}: {id} is taken");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{line} has no summary");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{line}");
        if !line.contains(" /v1/") {
            continue;
        }
        for status in ["400", "401", "422", "429", "500", "503", "504"] {
            assert!(operation["responses"].get(status).is_some(), "{line} lacks {status}");
        }
        assert!(operation["security"].is_array(), "{line} says nothing of security");
        let has_body = operation.get("requestBody").is_some();
        assert_eq!(operation["responses"].get("415").is_some(), has_body, "{line}");
    }
}

/// Calls `visit` on every object within.
fn walk<'v>(value: &'v Value, visit: &mut impl FnMut(&'v serde_json::Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            visit(members);
            members.values().for_each(|member| walk(member, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let api = described();
    walk(&api, &mut |members| {
        let Some(reference) = members.get("$ref").and_then(Value::as_str) else { return };
        let pointer = reference.strip_prefix('#').expect("a reference within the document");
        assert!(api.pointer(pointer).is_some(), "{reference}");
    });
}

#[test]
fn request_bodies_take_no_other_fields() {
    let api = described();
    let mut waiting: Vec<&Value> =
        operations(&api).into_iter().filter_map(|(_, operation)| operation.get("requestBody")).collect();
    let mut seen = BTreeSet::new();
    while let Some(part) = waiting.pop() {
        walk(part, &mut |members| {
            if members.contains_key("properties") {
                assert!(members.contains_key("additionalProperties"), "{members:?}");
            }
            let Some(reference) = members.get("$ref").and_then(Value::as_str) else { return };
            if seen.insert(reference) {
                waiting.extend(api.pointer(&reference[1..]));
            }
        });
    }
    assert!(seen.contains("#/components/schemas/NewVariant"), "{seen:?}");
}

#[test]
fn every_code_is_listed_under_its_status() {
    let api = described();
    let conflict = &api["components"]["responses"]["Conflict"];
    let codes = conflict.to_string();
    for code in ["email_taken", "stock_too_low", "cart_busy", "refund_too_large"] {
        assert!(codes.contains(code), "{code}");
    }
    assert!(conflict["content"]["application/problem+json"]["schema"].is_object());
}

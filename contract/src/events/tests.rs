use std::collections::HashSet;

use serde_json::Value;

use super::*;

/// All values within, each with the name of its field.
fn fields<'v>(value: &'v Value, found: &mut Vec<(&'v str, &'v Value)>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                found.push((name, value));
                fields(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(item, found)),
        _ => {}
    }
}

#[test]
fn a_type_is_listed_once() {
    let listed: HashSet<_> = EVENTS.iter().map(|event| (event.kind, event.version)).collect();
    assert_eq!(listed.len(), EVENTS.len());
    let names: HashSet<_> = EVENTS.iter().map(EventType::schema_uri).collect();
    assert_eq!(names.len(), EVENTS.len());
}

#[test]
fn an_unknown_type_is_answered_with_those_there_are() {
    assert_eq!(
        event_type("order.paid").map(|event| event.schema_uri()),
        Ok("urn:shoal:events:order.paid:1".into())
    );
    let message = event_type("order.payed").expect_err("a slip of the pen").to_string();
    assert!(message.starts_with("there is no event `order.payed`; there are user.registered, "), "{message}");
    assert!(message.contains(", order.paid, "), "{message}");
}

#[test]
fn what_outboxes_hold_names_later_versions() {
    assert_eq!(<OrderPaid as Data>::STORED, "order.paid");
    assert_eq!(events!(@stored "order.paid" 2), "order.paid/2");
}

#[test]
fn schemas_hold_all_that_they_refer_to() {
    for event in EVENTS {
        let schema = event.schema();
        assert_eq!(schema["$id"], event.schema_uri());
        let mut found = Vec::new();
        fields(&schema, &mut found);
        for (_, target) in found.iter().filter(|(name, _)| *name == "$ref") {
            let target =
                target.as_str().and_then(|target| target.strip_prefix('#')).expect("a reference within");
            assert!(schema.pointer(target).is_some(), "{}: {target}", event.kind);
        }
    }
}

#[test]
fn nothing_personal_has_a_place_in_an_event() {
    const PERSONAL: [&str; 10] = [
        "email",
        "name",
        "phone",
        "address",
        "shipping_address",
        "note",
        "message",
        "token",
        "password",
        "tracking",
    ];
    for event in EVENTS {
        let (schema, mut found) = (event.schema(), Vec::new());
        fields(&schema, &mut found);
        for (_, properties) in found.iter().filter(|(name, _)| *name == "properties") {
            let properties = properties.as_object().expect("properties are an object");
            let personal = properties.keys().find(|name| PERSONAL.contains(&name.as_str()));
            assert_eq!(personal, None, "{}", event.kind);
        }
    }
}

#[test]
fn data_is_written_as_it_is_read() {
    fn again<T: Data>(json: &str) -> Value {
        let data: T = serde_json::from_str(json).expect("readable");
        serde_json::to_value(data).expect("JSON")
    }
    let placed = event_type(OrderPlaced::KIND).expect("listed").example();
    assert_eq!(again::<OrderPlaced>(&placed.to_string()), placed);
    let returned = event_type(OrderReturned::KIND).expect("listed").example();
    assert_eq!(again::<OrderReturned>(&returned.to_string()), returned);
}

#[test]
fn what_the_oldest_outboxes_hold_can_be_read() {
    let order =
        r#"{"customer":null,"number":"S-1","status":"placed","total":{"amount":3479,"currency":"EUR"}}"#;
    let placed: OrderPlaced = serde_json::from_str(order).expect("readable");
    assert_eq!((placed.order.customer, placed.lines.len(), placed.shipping), (None, 0, None));
    let returned: OrderReturned = serde_json::from_str(order).expect("readable");
    assert_eq!((returned.id, returned.refund), (None, None));
    let created: ProductCreated =
        serde_json::from_str(r#"{"slug":"mug","status":"active"}"#).expect("readable");
    assert_eq!((created.slug.as_str(), created.variants.len()), ("mug", 0));
    let changed: UserChanged = serde_json::from_str(r#"{"role":"staff"}"#).expect("readable");
    assert_eq!(changed.changed, []);
    let failed: CheckoutFailed = serde_json::from_str(r#"{"code":"payment_declined"}"#).expect("readable");
    assert_eq!(failed, CheckoutFailed::of("payment_declined", None));
}

//! The rules of CloudEvents 1.0 for the attributes of an event in JSON.
//!
//! Source: CloudEvents 1.0.2, chapter "Context Attributes"; JSON format 1.0.2.

use serde_json::Value;
use shoal_types::Timestamp;

const KNOWN: [&str; 9] =
    ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data"];
/// Longer names are discouraged.
const NAME_MAX: usize = 20;

/// What is wrong with an event.
pub(super) fn faults(event: &Value) -> Vec<String> {
    let Some(attributes) = event.as_object() else { return vec!["it is no object".into()] };
    let mut faults = Vec::new();
    let text = |name: &str| attributes.get(name).and_then(Value::as_str).unwrap_or_default();
    for required in ["id", "source", "type", "specversion"] {
        if text(required).is_empty() {
            faults.push(format!("{required} is not there"));
        }
    }
    if text("specversion") != "1.0" {
        faults.push("specversion is not 1.0".into());
    }
    if Timestamp::parse(text("time")).is_none() {
        faults.push("time is none of RFC 3339".into());
    }
    if text("datacontenttype") != "application/json"
        || attributes.get("data").is_none_or(|data| !data.is_object())
    {
        faults.push("the data is not what its type says".into());
    }
    // An absolute URI begins with a scheme.
    if !text("dataschema").split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty())
    {
        faults.push("dataschema is no absolute URI".into());
    }
    if text("subject").is_empty() {
        faults.push("subject is empty".into());
    }
    for (name, value) in attributes.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())) {
        let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !plain || name.is_empty() || name.len() > NAME_MAX {
            faults.push(format!("{name} is no name of an extension"));
        }
        if !(value.is_string()
            || value.is_boolean()
            || value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()))
        {
            faults.push(format!("{name} is of no type that attributes have"));
        }
    }
    faults
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

#[test]
fn a_bad_envelope_is_named() {
    let good = serde_json::json!({
        "specversion": "1.0", "id": "1", "source": "/pond", "type": "fish.fed", "subject": "fish",
        "time": "2026-05-03T10:12:00Z", "datacontenttype": "application/json", "dataschema": "urn:pond:fed",
        "data": {}, "sequence": "1",
    });
    assert_eq!(faults(&good), [""; 0]);
    for (name, value, fault) in [
        ("source", "", "source is not there"),
        ("specversion", "1.1", "specversion is not 1.0"),
        ("time", "yesterday", "time is none of RFC 3339"),
        ("dataschema", "/schemas/fed", "dataschema is no absolute URI"),
        ("partOf", "a", "partOf is no name of an extension"),
    ] {
        let mut bad = good.clone();
        bad[name] = value.into();
        assert_eq!(faults(&bad), [fault]);
    }
}

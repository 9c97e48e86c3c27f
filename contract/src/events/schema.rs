//! The shapes of the data of events, as JSON Schemas.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::EventType;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Where the description of an API keeps shapes that are used again.
const COMPONENTS: &str = "#/components/schemas/";

/// The shape of `T` with all that it refers to.
pub(super) fn of<T: ToSchema>() -> Value {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    let mut shape = value(&T::schema());
    if !parts.is_empty() {
        let parts: Map<String, Value> =
            parts.iter().map(|(name, part)| (name.clone(), value(part))).collect();
        shape["$defs"] = Value::Object(parts);
    }
    shape
}

fn value<T: serde::Serialize>(part: &T) -> Value {
    let mut value = serde_json::to_value(part).expect("a schema is JSON");
    refer_within(&mut value);
    value
}

/// Turns references into a description of the API into references within the schema.
fn refer_within(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(target) if name == "$ref" => {
                        *target = target.replacen(COMPONENTS, "#/$defs/", 1);
                    }
                    field => refer_within(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(refer_within),
        _ => {}
    }
}

/// The schema with its name and what it is the shape of at its head.
pub(super) fn with_head(shape: Value, event: &EventType) -> Value {
    let mut schema = json!({ "$schema": DIALECT, "$id": event.schema_uri(), "title": event.kind });
    if let (Value::Object(head), Value::Object(rest)) = (&mut schema, shape) {
        head.extend(rest);
    }
    schema
}

use std::collections::BTreeSet;

use utoipa::openapi::schema::{AdditionalProperties, ArrayItems};
use utoipa::openapi::{OpenApi, RefOr, Schema};

const SCHEMAS: &str = "#/components/schemas/";

/// Says of every object a request body may hold that it has no other fields: unknown ones are refused.
pub(crate) fn close_request_bodies(api: &mut OpenApi) {
    let mut waiting = Vec::new();
    let items = api.paths.paths.values();
    let operations = items.flat_map(|item| [&item.post, &item.put, &item.patch]).flatten();
    for body in operations.filter_map(|operation| operation.request_body.as_ref()) {
        let RefOr::T(body) = body else { continue };
        for content in body.content.values() {
            let RefOr::T(content) = content else { continue };
            waiting.extend(content.schema.iter().filter_map(name));
        }
    }
    let Some(components) = &mut api.components else { return };
    let mut closed = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        let Some(RefOr::T(schema)) = components.schemas.get_mut(&name) else { continue };
        if closed.insert(name) {
            close(schema, &mut waiting);
        }
    }
}

fn name(schema: &RefOr<Schema>) -> Option<String> {
    match schema {
        RefOr::Ref(reference) => reference.ref_location.strip_prefix(SCHEMAS).map(str::to_owned),
        RefOr::T(_) => None,
    }
}

/// Closes `schema` and what is written within it; notes the names it refers to.
fn close(schema: &mut Schema, found: &mut Vec<String>) {
    let mut inner = |schema: &mut RefOr<Schema>| match schema {
        RefOr::Ref(_) => found.extend(name(schema)),
        RefOr::T(schema) => close(schema, found),
    };
    match schema {
        Schema::Object(object) => {
            object.properties.values_mut().for_each(inner);
            if !object.properties.is_empty() && object.additional_properties.is_none() {
                object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            }
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                inner(items);
            }
        }
        Schema::OneOf(one_of) => one_of.items.iter_mut().for_each(inner),
        Schema::AnyOf(any_of) => any_of.items.iter_mut().for_each(inner),
        Schema::AllOf(all_of) => all_of.items.iter_mut().for_each(inner),
        _ => {}
    }
}

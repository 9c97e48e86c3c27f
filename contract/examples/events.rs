//! Writes what `docs/events` holds into the folder that is named: a JSON Schema for each type of event, and a page about
//! all of them. `cargo xtask events` calls it.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs, io};

use serde_json::{Value, json};
use shoal_contract::events::{EVENTS, EventType};

const HEAD: &str = "\
# Events

What Shoal tells after the fact. Made by `cargo xtask events` from `contract/src/events.rs`, like the schemas beside this
page.

An event is a [CloudEvent](https://github.com/cloudevents/spec) 1.0 in JSON. Whoever hears it, in another house or by a
webhook, gets this around its `data`:

| attribute | what it is |
|---|---|
| `specversion` | `1.0` |
| `id` | unique for ever; a repeated delivery has the same |
| `source` | the house that tells it, such as `/orders` |
| `type` | the type, from the table below |
| `subject` | the id of what it happened to |
| `time` | when, RFC 3339 in UTC |
| `datacontenttype` | `application/json` |
| `dataschema` | the shape of the data, such as `urn:shoal:events:order.placed:1`: the `$id` of a schema beside this page |
| `aggregate` | the UUID by which events keep their order: those of one aggregate come in the order of `sequence` |
| `sequence` | the number of the event of its aggregate, from 1 and growing, as text of 20 digits |

An event is written in the commit of the change it tells of: it is told if and only if the change has happened, at least
once. A repeat has the same `id`. No event holds a name, an e-mail, an address or a secret.

A field may be added to a type; readers pass over fields they do not know. Any other change is a new version of the type,
with a schema and a `dataschema` of its own. A field that is not required is absent or empty in events that were told
before it was a field.

Money is `{\"amount\": 1999, \"currency\": \"EUR\"}` in minor units.
";

fn main() -> io::Result<()> {
    let folder = env::args().nth(1).ok_or_else(|| io::Error::other("name the folder to write into"))?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    for event in EVENTS {
        fs::write(folder.join(file(event)), format!("{:#}\n", event.schema()))?;
    }
    fs::write(folder.join("README.md"), page())
}

fn file(event: &EventType) -> String {
    format!("{}.v{}.json", event.kind, event.version)
}

fn page() -> String {
    let mut page = String::from(HEAD);
    page.push_str("\n| type | house | what happened |\n|---|---|---|\n");
    for event in EVENTS {
        let EventType { kind, house, title, .. } = event;
        page.push_str(&format!("| [{kind}](#{}) | {house} | {title} |\n", kind.replace('.', "")));
    }
    for event in EVENTS {
        page.push_str(&about(event));
    }
    page.push_str("\n## Parts\n\nWhat the data of several types is made of.\n");
    for (name, part) in parts() {
        page.push_str(&about_part(&name, &part));
    }
    page
}

/// The shapes that the schemas refer to, by name.
fn parts() -> BTreeMap<String, Value> {
    let mut parts = BTreeMap::new();
    for event in EVENTS {
        let schema = event.schema();
        let defined = schema["$defs"].as_object().into_iter().flatten();
        parts.extend(defined.map(|(name, part)| (name.clone(), part.clone())));
    }
    parts
}

/// The paragraph on a part: its fields, its words, or its form.
fn about_part(name: &str, part: &Value) -> String {
    let mut about = format!("\n### {name}\n\n{}", text(part));
    if part["properties"].is_object() {
        about.push_str(&format!("\n\n{}", table(part)));
        return about;
    }
    if let Some(words) = part["enum"].as_array() {
        let words: Vec<String> =
            words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
        about.push_str(&format!(" One of {}.", words.join(", ")));
    }
    if let Some(pattern) = part["pattern"].as_str() {
        about.push_str(&format!(", `{}`", pattern.replace('|', "\\|")));
    }
    about.push('\n');
    about
}

/// The fields of an object, a row each.
fn table(schema: &Value) -> String {
    let mut rows = String::from("| field | is | |\n|---|---|---|\n");
    for (name, field, required) in fields(schema, schema) {
        let (kind, text) = (shape(field), text(field));
        let needed = if required { "" } else { ", optional" };
        rows.push_str(&format!("| `{name}` | {kind}{needed} | {text} |\n"));
    }
    rows
}

/// The chapter on a type of event.
fn about(event: &EventType) -> String {
    let (rows, example) = (table(&event.schema()), sample(event));
    format!(
        "\n## {}\n\n{} {}\nTold by the house `{}`; version {}, [schema]({}).\n\n{rows}\n```json\n{example:#}\n```\n",
        event.kind,
        event.title,
        event.told,
        event.house,
        event.version,
        file(event),
    )
}

/// An event of the type as it may come.
fn sample(event: &EventType) -> Value {
    json!({
        "specversion": "1.0",
        "id": "event_01h455vb4pex5vsknk084sn02q",
        "source": format!("/{}", event.house),
        "type": event.kind,
        "subject": subject(event.kind),
        "time": "2026-05-03T10:12:00.000000Z",
        "datacontenttype": "application/json",
        "dataschema": event.schema_uri(),
        "aggregate": "01890a5d-ac96-774b-bcce-b302099a8057",
        "sequence": "00000000000000000001",
        "data": event.example(),
    })
}

/// What an event of this type may have happened to.
fn subject(kind: &str) -> String {
    let noun = match kind.split_once('.') {
        Some(("product", word)) if word.contains("stock") => "variant",
        Some(("categories", _)) => "category",
        Some((noun, _)) => noun,
        None => kind,
    };
    format!("{noun}_01h455vb4pex5vsknk084sn02q")
}

/// The fields of an object's schema with their names, and whether they are required.
fn fields<'s>(schema: &'s Value, root: &'s Value) -> Vec<(&'s str, &'s Value, bool)> {
    let schema = resolved(schema, root);
    let mut found = Vec::new();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        found.extend(fields(part, root));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let required = schema["required"].as_array().is_some_and(|required| required.contains(&json!(name)));
        found.push((name, field, required));
    }
    found
}

/// The schema that is referred to, if it is a reference.
fn resolved<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let target = schema["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
    target.and_then(|target| root.pointer(target)).unwrap_or(schema)
}

/// A field's type in a word or two.
fn shape(field: &Value) -> String {
    if let Some(name) = field["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(choices) = field["oneOf"].as_array().or_else(|| field["anyOf"].as_array()) {
        let some = choices.iter().filter(|choice| choice["type"] != "null");
        return some.map(shape).collect::<Vec<_>>().join(" or ");
    }
    let kinds: Vec<&str> = match &field["type"] {
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect()
        }
        kind => kind.as_str().into_iter().collect(),
    };
    match kinds[..] {
        ["array"] => format!("list of {}", shape(&field["items"])),
        _ => kinds.join(" or "),
    }
}

/// What a field says of itself, on one line.
fn text(field: &Value) -> String {
    let own = field["description"].as_str();
    let choices = field["oneOf"].as_array().into_iter().flatten();
    let text = own.or_else(|| choices.filter_map(|choice| choice["description"].as_str()).next());
    text.unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}

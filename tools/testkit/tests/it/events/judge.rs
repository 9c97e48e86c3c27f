//! Events judged by others: their data by Python's `jsonschema`, their envelope by the official library of CloudEvents.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};
use shoal_contract::events::{EVENTS, EventType};

/// Reads schemas by name and events as JSON; says for each event what is wrong with it, a line each.
const JUDGE: &str = "
import json, sys
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft202012Validator
given = json.load(sys.stdin)
judges = {}
for name, schema in given['schemas'].items():
    Draft202012Validator.check_schema(schema)
    judges[name] = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
for event in given['events']:
    JSONFormat().read(None, json.dumps(event))
    for error in judges[event['dataschema']].iter_errors(event['data']):
        print(event['type'], error.json_path, error.message)
print('judged', len(given['events']))
";

/// The schema of a type of event as `docs/events` has it.
pub(super) fn schema(event: &EventType) -> Value {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/events");
    let file = docs.join(format!("{}.v{}.json", event.kind, event.version));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).expect("JSON")
}

/// Python with the libraries: where `cargo xtask test` puts it, or the one that a variable names.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("SHOAL_TEST_PYTHON").map(PathBuf::from);
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/judges/bin/python");
    named.or(Some(made)).filter(|python| python.exists())
}

/// Passes if both libraries find nothing wrong with any event, and find fault with one that is.
pub(super) fn assert_valid(events: &[Value]) {
    let Some(python) = python() else {
        println!("skipped: the libraries are not there; `cargo xtask test` installs them");
        return;
    };
    assert_eq!(judged(&python, events), format!("judged {}", events.len()));
    let mut wrong = events[0].clone();
    wrong["data"] = json!({"role": 1});
    assert_ne!(judged(&python, &[wrong]), "judged 1");
}

fn judged(python: &Path, events: &[Value]) -> String {
    let schemas: Map<String, Value> =
        EVENTS.iter().map(|event| (event.schema_uri(), schema(event))).collect();
    let mut judge = Command::new(python)
        .args(["-c", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let given = json!({"schemas": schemas, "events": events}).to_string();
    judge.stdin.take().expect("piped").write_all(given.as_bytes()).expect("read");
    let output = judge.wait_with_output().expect("it ends");
    assert!(output.status.success(), "the judge broke off");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

//! Backups of embedded data: taken by a process of its own while another serves, restored, killed in the middle.

mod disk;
mod kill;
mod load;
mod search;

use std::path::Path;

use serde_json::Value;
use shoal_testkit::run;

/// A path as an argument.
fn text(path: &Path) -> &str {
    path.to_str().expect("a test's folder has a plain name")
}

/// Makes a backup; what it says of it.
fn back_up(data: &Path, to: &Path) -> Value {
    let (report, said, ended) = run(&["backup", "--data", text(data), "--to", text(to), "--json"]);
    assert!(ended.success(), "{said}");
    serde_json::from_str(&report).expect("a report is JSON")
}

/// Restores a backup, with these further arguments; what it says on standard error.
fn restore(from: &Path, data: &Path, more: &[&str]) -> Result<String, String> {
    let arguments = [&["restore", "--from", text(from), "--data", text(data)], more].concat();
    let (_, said, ended) = run(&arguments);
    assert!(!said.contains("panicked"), "{said}");
    if ended.success() { Ok(said) } else { Err(said) }
}

//! `cargo xtask test`: every test there is, and what they need.

use std::env;
use std::path::Path;
use std::process::Command;

use crate::description;
use crate::needs;
use crate::schemathesis;
use crate::steps::{Outcome, Steps, counted, outcome};
use crate::tree::Tree;

/// The step against the generated API description; also its word among the filters.
const API: &str = "schemathesis";

/// The cargo that runs this program.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Adds the test steps. With `filters` only tests whose name holds one of them run; `schemathesis` names that step.
pub(crate) fn run(root: &Path, filters: &[String], steps: &mut Steps) {
    let (api, names): (Vec<&String>, Vec<&String>) = filters.iter().partition(|filter| *filter == API);
    if let Err(missing) = needs::compiler() {
        steps.step("A C compiler", |_| Ok(Outcome::NotRun(missing)));
        return;
    }
    if filters.is_empty() || !names.is_empty() {
        tests(root, &names, steps);
    }
    if filters.is_empty() {
        doc_tests(root, steps);
        steps.step("The API description in docs/api", |_| description::check(root));
    }
    if filters.is_empty() || !api.is_empty() {
        steps
            .step("The API as its description says (schemathesis)", |counts| schemathesis::run(root, counts));
    }
}

/// The program and all test binaries, built once; then the tests, with nextest where it is.
fn tests(root: &Path, names: &[&String], steps: &mut Steps) {
    if !steps.command("Build", cargo(root).args(["build", "--workspace", "--all-targets"])) {
        return;
    }
    if needs::works("cargo", &["nextest", "--version"]) {
        steps.step("Tests (nextest)", |counts| {
            let mut nextest = cargo(root);
            nextest.args(["nextest", "run", "--workspace", "--no-fail-fast", "--color", "never"]).args(names);
            Ok(outcome(counted(&mut nextest, counts)?))
        });
        return;
    }
    steps.step("Tests", |counts| {
        let mut test = cargo(root);
        test.args(["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast", "--"]).args(names);
        Ok(outcome(counted(&mut test, counts)?))
    });
}

/// The examples in the docs, of the crates that have some.
fn doc_tests(root: &Path, steps: &mut Steps) {
    steps.step("Examples in the docs", |counts| {
        let packages = with_examples(&Tree::read(root)?);
        if packages.is_empty() {
            return Ok(Outcome::Passed);
        }
        let mut test = cargo(root);
        test.args(["test", "--doc", "--no-fail-fast"]);
        for package in &packages {
            test.args(["--package", package]);
        }
        Ok(outcome(counted(&mut test, counts)?))
    });
}

/// The packages whose library has a code block in a doc comment.
fn with_examples(tree: &Tree) -> Vec<String> {
    let mut packages = Vec::new();
    for manifest in tree.ending("/Cargo.toml") {
        let folder = manifest.path.trim_end_matches("/Cargo.toml");
        let sources = format!("{folder}/src");
        let is_library = tree.get(&format!("{sources}/lib.rs")).is_some();
        let example = |line: &str| {
            let doc = line.trim_start().strip_prefix("///").or_else(|| line.trim_start().strip_prefix("//!"));
            doc.is_some_and(|doc| doc.trim() == "```" || doc.trim().starts_with("```rust"))
        };
        let mut files =
            tree.files().iter().filter(|file| file.within(&[&sources]) && file.path.ends_with(".rs"));
        if is_library && files.any(|file| file.text.lines().any(example)) {
            let name = manifest.text.lines().find_map(|line| line.strip_prefix("name = "));
            packages.extend(name.map(|name| name.trim_matches('"').to_owned()));
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_libraries_with_examples_are_doc_tested() {
        let tree = Tree::of(&[
            ("contract/Cargo.toml", "[package]\nname = \"shoal-contract\"\n"),
            ("contract/src/lib.rs", "/// ```\n/// assert!(true);\n/// ```\npub fn f() {}"),
            ("node/Cargo.toml", "[package]\nname = \"shoal-node\"\n"),
            ("node/src/lib.rs", "/// ```text\n/// a picture\n/// ```\npub fn f() {}"),
        ]);
        // The end of a text block looks like the start of an example: one needless run, no missed one.
        assert!(with_examples(&tree).contains(&"shoal-contract".to_owned()));
        let plain = Tree::of(&[("node/Cargo.toml", "name = \"n\"\n"), ("node/src/lib.rs", "// ```\n")]);
        assert_eq!(with_examples(&plain), [""; 0]);
    }
}

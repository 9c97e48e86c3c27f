//! `cargo xtask ci`: everything a change must pass.

use std::path::Path;

use crate::steps::{Steps, outcome};
use crate::suite::{self, Choice, cargo};
use crate::{needs, tidy};

/// Adds all steps; a failed one does not stop the others, so that one run shows all there is to mend.
pub(crate) fn run(root: &Path, steps: &mut Steps) {
    steps.command("Format", cargo(root).args(["fmt", "--all", "--check"]));
    steps.step("Tidy", |_| Ok(outcome(tidy::report(root)?)));
    let mut clippy = cargo(root);
    clippy.args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]);
    steps.command("Clippy", &mut clippy);
    // What is left out of a build must not be missed by the rest.
    let mut bare = cargo(root);
    bare.args(["clippy", "-p", "shoal-node", "--no-default-features", "--quiet", "--", "-D", "warnings"]);
    steps.command("Clippy without features", &mut bare);
    let mut doc = cargo(root);
    doc.args(["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings");
    steps.command("Docs", &mut doc);
    if needs::works("cargo", &["deny", "--version"]) {
        steps.command("Licences, advisories, sources", cargo(root).args(["deny", "--workspace", "check"]));
    } else {
        println!(
            "\ncargo-deny is not installed: licences and advisories are not checked (cargo install cargo-deny)"
        );
    }
    suite::run(root, &Choice::default(), steps);
}

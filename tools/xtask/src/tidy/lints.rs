//! Words and names that must not be committed.

use super::Finding;
use crate::tree::Tree;

/// In code: what, and what to do instead.
const UNFINISHED: &[(&str, &str)] = &[
    ("todo!", "finish it, or leave it out"),
    ("unimplemented!", "finish it, or leave it out"),
    ("dbg!", "remove it; logs go through tracing"),
    ("#[ignore]", "say who runs it (`#[ignore = \"..\"]`), or make it fast and certain"),
];
/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "manager", "misc", "common", "stuff"];

/// No unfinished work, no silenced warning without a reason.
pub(super) fn unfinished(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust() {
        for ((number, code), text) in source.lines().zip(file.text.lines()) {
            let mut find =
                |message: String| findings.push(Finding::new(&file.path, number, "unfinished", message));
            for (word, advice) in UNFINISHED.iter().filter(|(word, _)| crate::rust::word(code, word)) {
                find(format!("`{word}`: {advice}"));
            }
            let silenced = code.contains("#[allow(") || code.contains("#![allow(");
            if silenced && !code.contains("reason =") {
                find("`#[allow]`: mend the cause, or use `#[expect(.., reason = \"..\")]`".into());
            }
            // A comment is what the blanked code no longer holds.
            if text.contains("FIXME") && !code.contains("FIXME") && !in_literal(source, number) {
                find("`FIXME`: mend it, or open an issue".into());
            }
        }
    }
    findings
}

fn in_literal(source: &crate::rust::Source, line: usize) -> bool {
    source.literals.iter().any(|literal| literal.line == line && literal.text.contains("FIXME"))
}

/// Files and folders are named for what they hold.
pub(super) fn names(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, _) in tree.rust() {
        let empty = file.path.trim_end_matches(".rs").split('/').find(|part| EMPTY_NAMES.contains(part));
        if let Some(part) = empty {
            let message = format!("`{part}` says nothing: name the file for the noun in it");
            findings.push(Finding::new(&file.path, 1, "names", message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    #[test]
    fn unfinished_work_is_found_in_tests_too() {
        for text in [
            "todo!()",
            "dbg!(x)",
            "unimplemented!()",
            "#[ignore]\nfn a() {}",
            "// FIXME later",
            "#[allow(dead_code)]",
        ] {
            assert_eq!(found(unfinished, &[("node/tests/it/main.rs", text)]).len(), 1, "{text}");
        }
    }

    #[test]
    fn talk_about_unfinished_work_is_fine() {
        let text =
            "// todo! is banned\nlet a = \"FIXME\";\n#[allow(missing_docs, reason = \"macro\")]\nfn f() {}";
        assert_eq!(found(unfinished, &[("node/src/lib.rs", text)]), [""; 0]);
    }

    #[test]
    fn empty_names_are_found() {
        assert_eq!(found(names, &[("node/src/utils.rs", "")]).len(), 1);
        assert_eq!(found(names, &[("node/src/helpers/order.rs", "")]).len(), 1);
        assert_eq!(found(names, &[("node/src/order.rs", "")]), [""; 0]);
    }
}

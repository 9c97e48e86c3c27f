//! Every error code has its page, every page its code.

use super::Finding;
use crate::errors;
use crate::tree::Tree;

/// The pages of docs/errors are those that the declarations give; a code means one thing.
pub(super) fn current(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let declared = errors::declared(tree);
    for error in declared.iter().filter(|error| error.text.is_empty()) {
        let message = format!("`{}` has no text: say what happened and what to do", error.code);
        findings.push(Finding::new(&error.path, error.line, "errors", message));
    }
    for (first, second) in declared.iter().zip(declared.iter().skip(1)) {
        if first.code == second.code && (&first.kind, &first.message) != (&second.kind, &second.message) {
            let message = format!(
                "`{}` says something else at {}:{}: give both the same kind and message, or choose another code",
                second.code, first.path, first.line
            );
            findings.push(Finding::new(&second.path, second.line, "errors", message));
        }
    }
    let pages = errors::pages(tree);
    let mut find = |path: &str, message: &str| findings.push(Finding::new(path, 1, "errors", message));
    for (path, text) in &pages {
        if tree.get(path).is_none_or(|file| file.text != *text) {
            find(path, "missing or out of date: run `cargo xtask errors`");
        }
        if text.contains("\n| - |") {
            find(path, "no status was found: write the arm of the mapping in platform/net on one line");
        }
    }
    for file in tree.ending(".md").filter(|file| file.within(&[errors::FOLDER])) {
        if !pages.iter().any(|(path, _)| *path == file.path) {
            find(&file.path, "no such code any more: run `cargo xtask errors`");
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    const CODE: &str = "errors! {\n    /// X.\n    pub enum Error {\n        /// Gone.\n        Gone {} => (NotFound, \"gone\", \"gone\"),\n    }\n}\n";

    const NET: (&str, &str) = (
        "platform/net/src/problem.rs",
        "match kind { _ =>\n(_, Kind::NotFound) => StatusCode::NOT_FOUND,\n}",
    );

    fn with_pages(more: &[(&str, &str)]) -> Vec<String> {
        let pages = errors::pages(&Tree::of(&[("contract/src/users.rs", CODE), NET]));
        let mut files: Vec<(&str, &str)> =
            pages.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        files.push(NET);
        files.extend(more);
        found(current, &files)
    }

    #[test]
    fn current_pages_are_silent() {
        assert_eq!(with_pages(&[("contract/src/users.rs", CODE)]), [""; 0]);
    }

    #[test]
    fn a_missing_page_and_one_too_many_are_found() {
        assert_eq!(found(current, &[("contract/src/users.rs", CODE), NET]).len(), 2);
        let findings = with_pages(&[("contract/src/users.rs", CODE), ("docs/errors/old.md", "")]);
        assert_eq!(findings, ["docs/errors/old.md:1: no such code any more: run `cargo xtask errors`"]);
    }

    #[test]
    fn a_kind_without_a_status_is_found() {
        let findings = found(current, &[("contract/src/users.rs", CODE)]);
        assert!(findings.iter().any(|finding| finding.contains("no status was found")), "{findings:?}");
    }

    #[test]
    fn a_code_that_means_two_things_is_found() {
        let other = CODE.replace("NotFound", "Conflict");
        let findings = found(current, &[("contract/src/orders.rs", CODE), ("contract/src/users.rs", &other)]);
        assert!(
            findings[0].contains("`gone` says something else at contract/src/orders.rs:5"),
            "{findings:?}"
        );
    }
}

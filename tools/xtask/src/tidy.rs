//! The invariants of the code base, checked as text; SQL is parsed. A rule is a function from the [`Tree`] to its
//! findings, and has a test which shows that it fires and one which shows that it stays silent.

mod budget;
mod floors;
mod lints;
mod pages;
mod papers;
mod purity;
mod rooms;
mod sql;

use std::fmt;
use std::io::Write;
use std::path::Path;

pub(crate) use budget::bless;

use crate::tree::Tree;

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) path: String,
    /// From 1.
    pub(crate) line: usize,
    /// The rule's short name.
    pub(crate) rule: &'static str,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Self { path: path.into(), line, rule, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.message)
    }
}

/// A rule: what it finds in the tree.
type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[Rule] = &[
    floors::arrows,
    floors::manifests,
    rooms::houses,
    rooms::tables,
    purity::model,
    purity::clock_and_chance,
    purity::http_words,
    lints::unfinished,
    lints::names,
    sql::place,
    sql::registered,
    sql::lowercase,
    sql::portable,
    papers::paths,
    papers::links,
    papers::map,
    pages::current,
    budget::sizes,
];

/// Everything that all rules find, sorted by place.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(tree)).collect();
    findings.sort();
    findings.dedup();
    findings
}

/// Prints the findings of the tree at `root`; true if there are none.
pub(crate) fn report(root: &Path) -> std::io::Result<bool> {
    let tree = Tree::read(root)?;
    let findings = check(&tree);
    let mut out = std::io::stdout().lock();
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    match findings.len() {
        0 => writeln!(out, "tidy: {} files keep {} rules", tree.files().len(), RULES.len())?,
        count => writeln!(out, "tidy: {count} findings")?,
    }
    Ok(findings.is_empty())
}

/// For the tests of rules: each finding as `path:line: message`.
#[cfg(test)]
fn found(rule: Rule, files: &[(&str, &str)]) -> Vec<String> {
    rule(&Tree::of(files)).iter().map(|f| format!("{}:{}: {}", f.path, f.line, f.message)).collect()
}

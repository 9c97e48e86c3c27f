//! Long files and long functions may only shrink. The present ones stand with their size in `budget.toml`; a new one
//! fails, a grown one fails, and one that shrank is lowered by `cargo xtask tidy --bless`.

use std::path::Path;
use std::{fs, io};

use toml::{Table, Value};

use super::Finding;
use crate::tree::Tree;

const BUDGET: &str = "tools/xtask/budget.toml";
/// Past this, look for a second noun.
const FILE_LINES_MAX: usize = 500;
/// One screen.
const FUNCTION_LINES_MAX: usize = 60;
const HEADER: &str = "\
# Files over 500 lines and functions over 60, with the size they may not exceed. Shrink one, then run
# `cargo xtask tidy --bless`: it lowers and removes entries, it never adds or raises one.
";

/// Something too long: which table it stands in, its name there, where it is and how long.
struct Giant {
    table: &'static str,
    name: String,
    path: String,
    line: usize,
    lines: usize,
}

fn giants(tree: &Tree) -> Vec<Giant> {
    let mut giants = Vec::new();
    for (file, source) in tree.rust() {
        let path = || file.path.clone();
        let lines = file.text.lines().count();
        if lines > FILE_LINES_MAX {
            giants.push(Giant { table: "files", name: path(), path: path(), line: 1, lines });
        }
        for function in source.functions().into_iter().filter(|function| function.lines > FUNCTION_LINES_MAX)
        {
            let name = format!("{}::{}", file.path, function.name);
            let (line, lines) = (function.line, function.lines);
            giants.push(Giant { table: "functions", name, path: path(), line, lines });
        }
    }
    giants
}

fn budget(tree: &Tree) -> Table {
    tree.get(BUDGET).and_then(|file| file.text.parse().ok()).unwrap_or_default()
}

fn entry(budget: &Table, table: &str, name: &str) -> Option<usize> {
    let lines = budget.get(table)?.get(name)?.as_integer()?;
    usize::try_from(lines).ok()
}

/// No new giant, no grown giant, no entry that is higher than it needs to be.
pub(super) fn sizes(tree: &Tree) -> Vec<Finding> {
    let budget = budget(tree);
    let giants = giants(tree);
    let mut findings = Vec::new();
    for giant in &giants {
        let advice =
            if giant.table == "files" { "look for a second noun" } else { "give the plain work to children" };
        let message = match entry(&budget, giant.table, &giant.name) {
            None if giant.table == "files" => {
                format!("{} lines, {FILE_LINES_MAX} at most: {advice}", giant.lines)
            }
            None => {
                format!("`{}` has {} lines, {FUNCTION_LINES_MAX} at most: {advice}", giant.name, giant.lines)
            }
            Some(most) if giant.lines > most => {
                format!("`{}` grew from {most} to {} lines: {advice}", giant.name, giant.lines)
            }
            Some(_) => continue,
        };
        findings.push(Finding::new(&giant.path, giant.line, "size", message));
    }
    for (table, name, most) in entries(&budget) {
        let now = giants
            .iter()
            .filter(|giant| giant.table == table && giant.name == name)
            .map(|giant| giant.lines)
            .max();
        if now.is_none_or(|lines| lines < most) {
            let line = tree.get(BUDGET).map_or(1, |file| file.line_of(&format!("\"{name}\"")));
            let message = format!("`{name}` is shorter now: run `cargo xtask tidy --bless`");
            findings.push(Finding::new(BUDGET, line, "size", message));
        }
    }
    findings
}

fn entries(budget: &Table) -> Vec<(&str, &str, usize)> {
    let mut found = Vec::new();
    for (table, names) in budget {
        for (name, lines) in names.as_table().into_iter().flatten() {
            let lines = lines.as_integer().and_then(|lines| usize::try_from(lines).ok()).unwrap_or(0);
            found.push((table.as_str(), name.as_str(), lines));
        }
    }
    found
}

/// Lowers each entry of the budget to the present size and removes what is no giant any more.
pub(crate) fn bless(root: &Path) -> io::Result<()> {
    let tree = Tree::read(root)?;
    fs::write(root.join(BUDGET), lowered(&tree))
}

fn lowered(tree: &Tree) -> String {
    let budget = budget(tree);
    let giants = giants(tree);
    let mut text = HEADER.to_owned();
    for table in ["files", "functions"] {
        text.push_str(&format!("\n[{table}]\n"));
        for (_, name, most) in entries(&budget).into_iter().filter(|(of, ..)| *of == table) {
            let now = giants
                .iter()
                .filter(|giant| giant.table == table && giant.name == name)
                .map(|giant| giant.lines);
            if let Some(lines) = now.max() {
                text.push_str(&format!("{} = {}\n", Value::from(name), lines.min(most)));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    fn long_function(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
    }

    fn with_budget(text: &str, budget: &str) -> Vec<String> {
        found(sizes, &[("node/src/a.rs", text), (BUDGET, budget)])
    }

    #[test]
    fn a_new_giant_is_found() {
        assert_eq!(with_budget(&long_function(60), ""), [""; 0]);
        assert_eq!(with_budget(&long_function(61), "").len(), 1);
        assert_eq!(with_budget(&"//\n".repeat(500), ""), [""; 0]);
        let findings = with_budget(&"//\n".repeat(501), "");
        assert_eq!(findings, ["node/src/a.rs:1: 501 lines, 500 at most: look for a second noun"]);
    }

    #[test]
    fn a_known_giant_may_not_grow() {
        let budget = "[functions]\n\"node/src/a.rs::long\" = 70\n";
        assert_eq!(with_budget(&long_function(70), budget), [""; 0]);
        let findings = with_budget(&long_function(71), budget);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].contains("grew from 70 to 71 lines"), "{findings:?}");
    }

    #[test]
    fn a_giant_that_shrank_is_to_be_lowered() {
        let budget = "[functions]\n\"node/src/a.rs::long\" = 70\n";
        for lines in [10, 65] {
            let findings = with_budget(&long_function(lines), budget);
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert!(findings[0].starts_with(&format!("{BUDGET}:2: ")), "{findings:?}");
        }
    }

    #[test]
    fn blessing_only_lowers() {
        let lowered_to = |lines: usize, budget: &str| {
            lowered(&Tree::of(&[("node/src/a.rs", &long_function(lines)), (BUDGET, budget)]))
        };
        let budget = "[functions]\n\"node/src/a.rs::long\" = 70\n";
        assert!(lowered_to(65, budget).ends_with("[functions]\n\"node/src/a.rs::long\" = 65\n"));
        assert!(lowered_to(99, budget).ends_with("= 70\n"));
        assert!(lowered_to(10, budget).ends_with("[functions]\n"));
        assert!(lowered_to(99, "").ends_with("[functions]\n"));
    }
}

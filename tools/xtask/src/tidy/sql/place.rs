//! Where SQL lives, and that every statement is registered.

use std::ops::RangeInclusive;

use super::FREE;
use super::text::{Statement, in_store, is_statement, statements};
use crate::rust::{Source, block, line_at};
use crate::tidy::Finding;
use crate::tree::Tree;

/// Where SQL lives besides the houses' `store` rooms and migrations.
const FLOORS: &[&str] = &["platform/sql", "platform/queue", "tools", "node/src/command/migrate"];
/// A statement longer than this moves to a file of its own.
const LITERAL_LINES_MAX: usize = 3;

/// SQL lives in `store` rooms and migrations; long statements in files with a comment on top.
pub(in crate::tidy) fn place(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Statement { file, line, text } in statements(tree) {
        let mut find = |message: &str| findings.push(Finding::new(&file.path, line, "sql-place", message));
        let store = in_store(&file.path);
        let migration = file.path.contains("/migrations/");
        if !store && !migration && !file.within(FLOORS) {
            find("SQL lives in the house's `store` room: move the statement there");
        }
        let own_file = file.rust.is_none();
        if store && !own_file && text.lines().count() > LITERAL_LINES_MAX {
            find("longer than three lines: move it to `store/<verb>.sql`");
        }
        if store && own_file && !text.trim_start().starts_with("--") {
            find("start with a `--` comment that says what it is for");
        }
    }
    findings
}

/// Every statement is registered, so that one test can prepare them all; every file of a store is used.
pub(in crate::tidy) fn registered(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust().filter(|(file, _)| !file.is_test() && !file.within(FREE)) {
        let registers = registers(source);
        for literal in source.literals.iter().filter(|literal| is_statement(&literal.text)) {
            let known = registers.iter().any(|lines| lines.contains(&literal.line));
            if !known && !source.is_test(literal.line) {
                let message = "register it in `statements!`, so that the test that prepares all meets it";
                findings.push(Finding::new(&file.path, literal.line, "sql-register", message));
            }
        }
    }
    for file in tree.ending(".sql") {
        let Some((room, name)) = file.path.split_once("/src/store/") else { continue };
        let used = |source: &Source| source.literals.iter().any(|literal| literal.text.ends_with(name));
        if !tree.rust().any(|(other, source)| other.within(&[room]) && used(source)) {
            findings.push(Finding::new(&file.path, 1, "sql-register", "no statement includes it: remove it"));
        }
    }
    findings
}

/// The lines within `statements!`, and in a file that has one those of its macros, which may glue texts for it.
fn registers(source: &Source) -> Vec<RangeInclusive<usize>> {
    let code = &source.code;
    let blocks = |name: &'static str| {
        let found = code.match_indices(name).filter_map(|(at, _)| block(code, at));
        found.map(|(open, close)| line_at(code, open)..=line_at(code, close))
    };
    let mut lines: Vec<_> = blocks("statements!").collect();
    if !lines.is_empty() {
        lines.extend(blocks("macro_rules!"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::super::found;
    use super::*;

    const FILE: &str = "services/users/src/store/get.sql";

    #[test]
    fn sql_outside_a_store_is_found() {
        for text in [
            "let sql = \"select id from users\";",
            "run(\"insert into users (id) values ($1)\")",
            "run(\"update users set name = $1\")",
            "run(\"delete from users\")",
            "run(r#\"create table users (id text)\"#)",
        ] {
            assert_eq!(found(place, &[("services/users/src/api.rs", text)]).len(), 1, "{text}");
            assert_eq!(found(place, &[("services/users/src/store.rs", text)]), [""; 0], "{text}");
            assert_eq!(found(place, &[("services/users/tests/it/main.rs", text)]), [""; 0], "{text}");
            assert_eq!(found(place, &[("platform/queue/src/relay.rs", text)]), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_long_statement_moves_to_a_file_with_a_comment() {
        let long = "const GET: &str = \"select\n  id\nfrom users\nwhere id = $1\";";
        assert_eq!(found(place, &[("services/users/src/store.rs", long)]).len(), 1);
        assert_eq!(found(place, &[(FILE, "select\n  id\nfrom users\n")]).len(), 1);
        assert_eq!(found(place, &[(FILE, "-- One user by id.\nselect\n  id\nfrom users\n")]), [""; 0]);
    }

    #[test]
    fn a_statement_that_is_not_registered_is_found() {
        let store = "statements! {\n    pub(crate) mod sql {\n        A = \"select id from users\";\n\
                     B = include_str!(\"store/get.sql\");\n    }\n}\n";
        let path = "services/users/src/store.rs";
        assert_eq!(found(registered, &[(path, store), (FILE, "-- x")]), [""; 0]);
        let glued = format!("macro_rules! list {{ () => {{ \"delete from users\" }} }}\n{store}");
        assert_eq!(found(registered, &[(path, &glued)]), [""; 0]);
        let loose = format!("{store}const C: &str = \"delete from users\";");
        assert_eq!(found(registered, &[(path, &loose)]).len(), 1);
        assert_eq!(found(registered, &[(path, ""), (FILE, "-- x")]).len(), 1);
    }
}

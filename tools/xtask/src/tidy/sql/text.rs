//! SQL found in text: which literals are statements, and what of it is a matter of letters.

use super::FREE;
use crate::tidy::Finding;
use crate::tree::{File, Tree};

const KEYWORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "INSERT",
    "INTO",
    "VALUES",
    "UPDATE",
    "SET",
    "DELETE",
    "CREATE",
    "TABLE",
    "INDEX",
    "ALTER",
    "DROP",
    "AND",
    "OR",
    "NOT",
    "NULL",
    "IS",
    "IN",
    "ON",
    "JOIN",
    "LEFT",
    "ORDER",
    "BY",
    "GROUP",
    "LIMIT",
    "PRIMARY",
    "KEY",
    "CONSTRAINT",
    "CHECK",
    "UNIQUE",
    "REFERENCES",
    "DEFAULT",
    "CONFLICT",
    "RETURNING",
    "AS",
];

/// A word or sign of a statement.
#[derive(Debug)]
struct Token {
    line: usize,
    text: String,
}

/// Splits SQL into words and single signs. Comments, quoted texts and Rust's escapes are left out.
fn tokens(sql: &str, first_line: usize) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut line = first_line;
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            '\\' => {
                if chars.next() == Some('\n') {
                    line += 1;
                }
            }
            '-' if chars.peek() == Some(&'-') => while chars.next_if(|c| *c != '\n').is_some() {},
            '\'' => while chars.next().is_some_and(|c| c != '\'') {},
            c if c.is_whitespace() => {}
            c if c.is_alphanumeric() || c == '_' => {
                let mut text = String::from(c);
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    text.push(c);
                }
                tokens.push(Token { line, text });
            }
            c => tokens.push(Token { line, text: c.into() }),
        }
    }
    tokens
}

/// Whether a string literal is a statement rather than a sentence.
pub(super) fn is_statement(text: &str) -> bool {
    let words: Vec<String> =
        tokens(text, 1).into_iter().take(60).map(|token| token.text.to_lowercase()).collect();
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    match (word(0), word(1)) {
        ("select", next) => has("from") || next == "1",
        ("with", _) => has("as") && has("select"),
        ("insert", next) => next == "into" || next == "or",
        ("update", _) => word(2) == "set" || has("set") && has("where"),
        ("delete", next) => next == "from",
        ("create", next) => matches!(next, "table" | "index" | "unique" | "view" | "trigger" | "sequence"),
        ("alter" | "drop", next) => matches!(next, "table" | "index"),
        ("listen" | "notify" | "pragma", next) => !next.is_empty() && words.len() < 8,
        _ => false,
    }
}

pub(super) fn in_store(path: &str) -> bool {
    path.contains("/src/store/") || path.ends_with("/src/store.rs")
}

/// A statement in a file: its first line and its text.
pub(super) struct Statement<'a> {
    pub(super) file: &'a File,
    pub(super) line: usize,
    pub(super) text: &'a str,
}

/// All `.sql` files and every literal outside tests that is a statement.
pub(super) fn statements(tree: &Tree) -> Vec<Statement<'_>> {
    let mut found: Vec<_> =
        tree.ending(".sql").map(|file| Statement { file, line: 1, text: &file.text }).collect();
    for (file, source) in tree.rust().filter(|(file, _)| !file.is_test()) {
        let literals = source.literals.iter().filter(|literal| !source.is_test(literal.line));
        for literal in literals.filter(|literal| is_statement(&literal.text)) {
            found.push(Statement { file, line: literal.line, text: &literal.text });
        }
    }
    found
}

/// Keywords are lowercase, so that a name stands out and one search finds them all.
pub(in crate::tidy) fn lowercase(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for statement in statements(tree).iter().filter(|statement| !statement.file.within(FREE)) {
        for token in tokens(statement.text, statement.line) {
            if KEYWORDS.contains(&token.text.as_str()) {
                let message = format!("`{}`: keywords are lowercase", token.text);
                findings.push(Finding::new(&statement.file.path, token.line, "sql", message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::super::found;
    use super::*;

    #[test]
    fn sentences_are_no_sql() {
        for text in [
            "select a product first",
            "update the price",
            "delete the order",
            "create an account",
            "with care",
        ] {
            assert!(!is_statement(text), "{text}");
        }
        for text in ["select id from users", "delete from users", "create table users (id text)"] {
            assert!(is_statement(text), "{text}");
        }
    }

    #[test]
    fn keywords_are_lowercase() {
        let file = "services/users/src/store/get.sql";
        let find = |sql: &str| found(lowercase, &[(file, sql)]);
        assert_eq!(
            find("-- ON TOP\nselect id\nFROM users"),
            [format!("{file}:3: `FROM`: keywords are lowercase")]
        );
        assert_eq!(find("-- FROM here\nselect 'FROM' from users"), [""; 0]);
        let text = "fn f() {}\nconst GET: &str = \"select id \\\n  FROM users\";";
        let findings = found(lowercase, &[("services/users/src/store.rs", text)]);
        assert_eq!(findings, ["services/users/src/store.rs:3: `FROM`: keywords are lowercase"]);
    }
}

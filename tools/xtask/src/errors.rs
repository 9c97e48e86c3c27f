//! The pages of docs/errors, made from the `errors!` declarations: a page for each stable code.
//!
//! The declarations are read as text, so that this crate builds in seconds and depends on no house.

use std::io::Write;
use std::path::Path;
use std::{fs, io};

use crate::rust::{Source, block, line_at};
use crate::tree::{File, Tree};

/// Where the pages are.
pub(crate) const FOLDER: &str = "docs/errors";
const MACROS: &[&str] = &["errors!", "error_enum!"];
/// The names that `StatusCode` gives the numbers.
const STATUSES: &[(&str, u16)] = &[
    ("BAD_REQUEST", 400),
    ("UNAUTHORIZED", 401),
    ("PAYMENT_REQUIRED", 402),
    ("FORBIDDEN", 403),
    ("NOT_FOUND", 404),
    ("METHOD_NOT_ALLOWED", 405),
    ("NOT_ACCEPTABLE", 406),
    ("REQUEST_TIMEOUT", 408),
    ("CONFLICT", 409),
    ("GONE", 410),
    ("PRECONDITION_FAILED", 412),
    ("PAYLOAD_TOO_LARGE", 413),
    ("URI_TOO_LONG", 414),
    ("UNSUPPORTED_MEDIA_TYPE", 415),
    ("UNPROCESSABLE_ENTITY", 422),
    ("PRECONDITION_REQUIRED", 428),
    ("TOO_MANY_REQUESTS", 429),
    ("INTERNAL_SERVER_ERROR", 500),
    ("SERVICE_UNAVAILABLE", 503),
    ("GATEWAY_TIMEOUT", 504),
    ("INSUFFICIENT_STORAGE", 507),
];

/// One declared error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) code: String,
    /// A variant of `Kind`.
    pub(crate) kind: String,
    pub(crate) message: String,
    /// What it means and what to do.
    pub(crate) text: String,
    pub(crate) path: String,
    pub(crate) line: usize,
}

/// The errors declared outside tests, by code.
pub(crate) fn declared(tree: &Tree) -> Vec<Declared> {
    let mut all = Vec::new();
    for (file, source) in tree.rust().filter(|(file, _)| !file.is_test() && !file.path.starts_with("tools/"))
    {
        for (open, close) in declarations(source) {
            all.extend(variants(file, source, open, close));
        }
    }
    all.sort_by(|a: &Declared, b| a.code.cmp(&b.code));
    all
}

/// The bodies of the `errors!` calls: not tests, and not the macro's own definition.
fn declarations(source: &Source) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for name in MACROS {
        for (at, _) in source.code.match_indices(name) {
            let Some((open, close)) = block(&source.code, at) else { continue };
            let body = &source.code[open..close];
            if !source.is_test(line_at(&source.code, at)) && !body.contains('$') && body.contains("enum") {
                found.push((open, close));
            }
        }
    }
    found
}

/// Reads `/// text  Variant { .. } => (Kind, "code", "message")`, again and again, from the enum's braces.
fn variants(file: &File, source: &Source, open: usize, close: usize) -> Vec<Declared> {
    let code = &source.code[..close];
    let Some((body, end)) = code[open..].find("enum").and_then(|at| block(code, open + at)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut from = body + 1;
    while let Some(arrow) = code[from..end].find("=>").map(|at| from + at) {
        let Some(paren) = code[arrow..end].find('(').map(|at| arrow + at) else { break };
        let Some(until) = code[paren..end].find(')').map(|at| paren + at) else { break };
        let inside = &file.text[paren + 1..until];
        let line = line_at(&file.text, paren);
        let last = line_at(&file.text, until);
        let literals: Vec<&str> = source
            .literals
            .iter()
            .filter(|literal| (line..=last).contains(&literal.line) && inside.contains(&literal.text))
            .map(|literal| literal.text.as_str())
            .collect();
        if let [code, message, ..] = literals[..] {
            found.push(Declared {
                code: code.to_owned(),
                kind: inside.split(',').next().unwrap_or("").trim().to_owned(),
                message: unescaped(message),
                text: doc(&file.text[from..arrow]),
                path: file.path.clone(),
                line,
            });
        }
        from = until + 1;
    }
    found
}

/// The doc comment among `lines` as one paragraph; an empty `///` starts another.
fn doc(lines: &str) -> String {
    let mut text = String::new();
    for line in lines.lines().filter_map(|line| line.trim_start().strip_prefix("///")) {
        match line.trim() {
            "" => text.push_str("\n\n"),
            line if text.is_empty() || text.ends_with('\n') => text.push_str(line),
            line => {
                text.push('\n');
                text.push_str(line);
            }
        }
    }
    text
}

/// The literal's text as Rust reads it, for the escapes that messages use.
fn unescaped(literal: &str) -> String {
    let mut text = String::new();
    let mut chars = literal.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('\n')) => while chars.next_if(|c| c.is_whitespace()).is_some() {},
            ('\\', Some('n')) => {
                chars.next();
                text.push(' ');
            }
            ('\\', Some(_)) => text.extend(chars.next()),
            _ => text.push(c),
        }
    }
    text
}

/// The HTTP statuses as the mapping in `platform/net` has them.
struct Statuses(Vec<(String, u16)>);

impl Statuses {
    /// Reads arms such as `(_, Kind::Conflict) => StatusCode::CONFLICT` and `("code", _) => ..`, one a line.
    fn read(tree: &Tree) -> Self {
        let mut found = Vec::new();
        for (file, source) in tree.rust().filter(|(file, _)| file.path.starts_with("platform/net/src/")) {
            for (_, line) in (1..).zip(file.text.lines()).filter(|(number, _)| !source.is_test(*number)) {
                let Some((pattern, name)) = line.split_once("=> StatusCode::") else { continue };
                let name = name.trim_end().trim_end_matches(',');
                let Some((_, number)) = STATUSES.iter().find(|(known, _)| *known == name) else { continue };
                let keys = pattern.split(|c: char| !(c.is_alphanumeric() || "_:\"".contains(c)));
                let keys = keys.filter(|key| key.contains('"') || key.contains("Kind::"));
                found.extend(keys.map(|key| (key.to_owned(), *number)));
            }
        }
        Self(found)
    }

    /// The status of an error as text; `-` if the mapping does not say.
    fn of(&self, error: &Declared) -> String {
        let keys = [format!("\"{}\"", error.code), format!("Kind::{}", error.kind)];
        let number = keys.iter().find_map(|key| self.0.iter().find(|(known, _)| known == key));
        number.map_or_else(|| "-".to_owned(), |(_, number)| number.to_string())
    }
}

/// Which service answers with errors declared in that file.
fn service(path: &str) -> &str {
    let mut parts = path.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("services" | "edge"), Some(name), _) => name,
        (Some("contract"), Some("src"), Some(file)) => file.trim_end_matches(".rs"),
        _ => "any",
    }
}

/// Every file of docs/errors: its path and its text. A code that several services answer with has one page.
pub(crate) fn pages(tree: &Tree) -> Vec<(String, String)> {
    let errors = declared(tree);
    let statuses = Statuses::read(tree);
    let mut index = String::from(
        "# Error codes\n\n\
         Made by `cargo xtask errors` from the declarations in the code. A code is stable: clients may rely on it.\n\n\
         | code | status | service | message |\n|---|---|---|---|\n",
    );
    let mut pages = Vec::new();
    for same in errors.chunk_by(|a, b| a.code == b.code) {
        let Declared { code, kind, message, text, .. } = &same[0];
        let status = statuses.of(&same[0]);
        let mut services: Vec<&str> = same.iter().map(|error| service(&error.path)).collect();
        services.dedup();
        let services = services.join(", ");
        let cell = message.replace('|', "\\|");
        index.push_str(&format!("| [{code}]({code}.md) | {status} | {services} | {cell} |\n"));
        let page = format!(
            "# {code}\n\n> {message}\n\n| status | kind | service |\n|---|---|---|\n\
             | {status} | {} | {services} |\n\n{text}\n",
            words(kind)
        );
        pages.push((format!("{FOLDER}/{code}.md"), page));
    }
    pages.push((format!("{FOLDER}/README.md"), index));
    pages
}

/// `NotFound` as `not found`.
fn words(kind: &str) -> String {
    let mut words = String::new();
    for c in kind.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

/// Writes the pages below `root` and removes those whose code is gone.
pub(crate) fn write(root: &Path) -> io::Result<()> {
    let tree = Tree::read(root)?;
    let pages = pages(&tree);
    let mut out = io::stdout().lock();
    fs::create_dir_all(root.join(FOLDER))?;
    for (path, text) in &pages {
        if tree.get(path).is_none_or(|file| file.text != *text) {
            fs::write(root.join(path), text)?;
            writeln!(out, "{path}")?;
        }
    }
    for file in tree.ending(".md").filter(|file| file.within(&[FOLDER])) {
        if !pages.iter().any(|(path, _)| *path == file.path) {
            fs::remove_file(root.join(&file.path))?;
            writeln!(out, "{} removed", file.path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARATION: &str = r#"
shoal_types::errors! {
    /// What can go wrong among products.
    pub enum Error {
        /// Fewer pieces are left than were asked for.
        /// Ask for fewer.
        StockTooLow { sku: String, available: i64 } => (Conflict, "stock_too_low", "only {available} of \"{sku}\" left"),
        /// No such product.
        UnknownProduct { id: String } =>
            (NotFound, "unknown_product", "there is no product {id} (any more)"),
    }
}
#[cfg(test)]
mod tests {
    errors! { pub enum Error { /// X
        X {} => (Internal, "x", "x"), } }
}
"#;
    const NET: &str = "fn status(kind: Kind) -> StatusCode {\n    match kind {\n        (_, Kind::Conflict | Kind::Stale) => StatusCode::CONFLICT,\n        (\"unknown_product\", _) => StatusCode::GONE,\n        (_, Kind::NotFound) => StatusCode::NOT_FOUND,\n    }\n}\n";

    fn tree() -> Tree {
        Tree::of(&[("contract/src/products.rs", DECLARATION), ("platform/net/src/problem.rs", NET)])
    }

    #[test]
    fn declarations_are_read_with_their_words() {
        let errors = declared(&tree());
        let codes: Vec<_> = errors.iter().map(|error| (error.code.as_str(), error.line)).collect();
        assert_eq!(codes, [("stock_too_low", 7), ("unknown_product", 10)]);
        assert_eq!(errors[0].message, "only {available} of \"{sku}\" left");
        assert_eq!(errors[0].text, "Fewer pieces are left than were asked for.\nAsk for fewer.");
        assert_eq!(errors[1].message, "there is no product {id} (any more)");
        assert_eq!(errors[1].kind, "NotFound");
    }

    #[test]
    fn a_page_has_status_service_and_text() {
        let pages = pages(&tree());
        assert_eq!(pages[0].0, "docs/errors/stock_too_low.md");
        assert!(pages[0].1.contains("| 409 | conflict | products |"), "{}", pages[0].1);
        assert!(
            pages[2].1.contains("| [unknown_product](unknown_product.md) | 410 | products |"),
            "{}",
            pages[2].1
        );
    }

    #[test]
    fn a_code_of_two_services_has_one_page() {
        let tree =
            Tree::of(&[("contract/src/orders.rs", DECLARATION), ("contract/src/products.rs", DECLARATION)]);
        let pages = pages(&tree);
        assert_eq!(pages.len(), 3);
        assert!(pages[0].1.contains("| orders, products |"), "{}", pages[0].1);
    }

    #[test]
    fn the_macro_itself_declares_nothing() {
        let text = "macro_rules! errors { ($(#[doc = $a:literal])+ pub enum $name:ident {}) => { $crate::error_enum! { pub enum $name { $($v)* } } }; }";
        assert_eq!(declared(&Tree::of(&[("platform/types/src/fault.rs", text)])), []);
    }
}

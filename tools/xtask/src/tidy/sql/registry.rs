//! Which statements there are: what stores register, and the files of migrations.

use super::glue::{Macros, Token, group, tokens};
use crate::rust::{Source, block, line_at};
use crate::tree::{File, Tree};

/// A registered statement.
pub(super) struct Registered<'t> {
    pub(super) file: &'t File,
    /// Where its constant stands, from 1.
    pub(super) line: usize,
    /// Its constant.
    pub(super) name: String,
    /// Its text; none if it is written in a way that is not read here.
    pub(super) text: Option<String>,
}

/// Every statement in a `statements!` outside tests, in folders that are bound to one text for all engines.
pub(super) fn registered<'t>(tree: &'t Tree, free: &[&str]) -> Vec<Registered<'t>> {
    let mut found = Vec::new();
    for (file, source) in tree.rust().filter(|(file, _)| !file.is_test() && !file.within(free)) {
        if source.code.contains("statements!") {
            read(tree, file, source, &mut found);
        }
    }
    found
}

fn read<'t>(tree: &Tree, file: &'t File, source: &Source, found: &mut Vec<Registered<'t>>) {
    let all: Vec<Token> = tokens(source, 0, source.code.len()).into_iter().map(|(_, token)| token).collect();
    let macros = Macros::read(&all);
    let beside = |path: &str| tree.get(&relative(&file.path, path)).map(|file| file.text.clone());
    for (at, _) in source.code.match_indices("statements!") {
        let Some((open, close)) = block(&source.code, at) else { continue };
        let outer = tokens(source, open, close + 1);
        let inner = outer.iter().position(|(at, token)| *at > open && *token == Token::Sign('{'));
        let Some(entries) = inner.map(|inner| &outer[inner + 1..outer.len().saturating_sub(2)]) else {
            continue;
        };
        for entry in entries.split(|(_, token)| *token == Token::Sign(';')) {
            let Some((at, name, value)) = constant(entry) else { continue };
            let line = line_at(&source.code, at);
            if source.is_test(line) {
                continue;
            }
            found.push(Registered { file, line, name, text: macros.text(&value, &beside) });
        }
    }
}

/// `NAME = value` in an entry, after its attributes: where it starts, its name and value.
fn constant(entry: &[(usize, Token)]) -> Option<(usize, String, Vec<Token>)> {
    let plain: Vec<Token> = entry.iter().map(|(_, token)| token.clone()).collect();
    let mut rest = plain.as_slice();
    while let [Token::Sign('#'), attribute @ ..] = rest {
        rest = group(attribute)?.1;
    }
    match rest {
        [Token::Word(name), Token::Sign('='), value @ ..] => {
            Some((entry[plain.len() - rest.len()].0, name.clone(), value.to_vec()))
        }
        _ => None,
    }
}

/// The path in the tree of a file that the Rust file `from` includes.
fn relative(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The migrations of `folder` (a house, or the queue), in the order in which they run.
pub(super) fn migrations<'t>(tree: &'t Tree, folder: &str) -> Vec<&'t File> {
    let migrations = format!("{folder}/migrations");
    tree.ending(".sql").filter(|file| file.within(&[&migrations])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Vec<(String, usize, Option<String>)> {
        let tree = Tree::of(files);
        let found = registered(&tree, &["platform/sql"]);
        found.into_iter().map(|each| (each.name, each.line, each.text)).collect()
    }

    #[test]
    fn registered_texts_are_found_wherever_they_are_written() {
        let store = "macro_rules! glue {\n    ($a:literal) => { concat!(\"delete \", $a) };\n}\n\
                     shoal_sql::statements! {\n    pub(crate) mod sql {\n        #[doc = \"x\"]\n        A = \"select 1\";\n\
                     \n        B = include_str!(\"find.sql\");\n        // Why.\n        C = glue!(\"from t\");\n\
                     D = NAME;\n    }\n}\n";
        let file = ("services/users/src/store/find.sql", "select 2");
        let some = |text: &str| Some(text.to_owned());
        let expected =
            [("A", 7, some("select 1")), ("B", 9, some("select 2")), ("C", 11, some("delete from t"))];
        let found = read(&[("services/users/src/store/mod.rs", store), file]);
        let named: Vec<_> =
            found.iter().map(|(name, line, text)| (name.as_str(), *line, text.clone())).collect();
        assert_eq!(named[..3], expected);
        assert_eq!(named[3], ("D", 12, None));
        assert_eq!(read(&[("platform/sql/src/statement.rs", store)]), []);
        assert_eq!(read(&[("services/users/tests/it/main.rs", store)]), []);
        let test = format!("#[cfg(test)]\nmod tests {{\n{store}}}\n");
        assert_eq!(read(&[("services/users/src/store/mod.rs", &test)]), []);
    }

    #[test]
    fn included_files_are_beside_the_source() {
        assert_eq!(relative("services/users/src/store.rs", "store/a.sql"), "services/users/src/store/a.sql");
        assert_eq!(relative("a/src/store/book.rs", "../x.sql"), "a/src/x.sql");
    }
}

//! Every house has the same rooms.

use super::Finding;
use crate::tree::{File, Tree};

/// The rooms of every house; of a pair, either will do.
const ROOMS: &[&[&str]] = &[
    &["README.md"],
    &["migrations"],
    &["src/lib.rs"],
    &["src/api.rs", "src/api"],
    &["src/model.rs", "src/model"],
    &["src/store.rs", "src/store"],
    &["src/events.rs"],
    &["src/jobs.rs"],
    &["tests/it/main.rs"],
];
/// What checkout has on top. Its saga is its model: a state and an outcome give the next action.
const SAGA_ROOMS: &[&[&str]] = &[&["src/saga.rs", "src/saga"], &["src/steps.rs", "src/steps"]];
const CHECKOUT: &str = "services/checkout";
const MODEL: &str = "src/model.rs";
/// What a house's README tells.
const CHAPTERS: &[&str] = &["owns", "promises", "emits", "needs"];

/// Houses have all their rooms, and a README that says what they own, promise, emit and need.
pub(super) fn houses(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for house in tree.folders_in("services") {
        let is_checkout = house == CHECKOUT;
        let saga: &[&[&str]] = if is_checkout { SAGA_ROOMS } else { &[] };
        for room in ROOMS.iter().chain(saga).filter(|room| !(is_checkout && room.contains(&MODEL))) {
            if !room.iter().any(|name| tree.exists(&format!("{house}/{name}"))) {
                let message = format!("add {}: every house has the same rooms", room.join(" or "));
                findings.push(Finding::new(&format!("{house}/Cargo.toml"), 1, "rooms", message));
            }
        }
        let Some(readme) = tree.get(&format!("{house}/README.md")) else { continue };
        let text = readme.text.to_lowercase();
        for chapter in CHAPTERS.iter().filter(|chapter| !text.contains(**chapter)) {
            let message = format!("say what the house {chapter}");
            findings.push(Finding::new(&readme.path, 1, "rooms", message));
        }
    }
    findings
}

/// A table made by a migration, and where.
pub(super) struct TableRow<'a> {
    pub(super) house: String,
    pub(super) name: String,
    pub(super) file: &'a File,
    pub(super) line: usize,
}

/// The tables that the houses' migrations create.
pub(super) fn all_tables(tree: &Tree) -> Vec<TableRow<'_>> {
    let mut tables = Vec::new();
    for house in tree.folders_in("services") {
        let migrations = format!("{house}/migrations");
        for file in tree.ending(".sql").filter(|file| file.within(&[&migrations])) {
            for (index, line) in file.text.lines().enumerate() {
                let Some(rest) = line.trim_start().strip_prefix("create table ") else { continue };
                let rest = rest.trim_start_matches("if not exists ");
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                tables.push(TableRow { house: house.clone(), name, file, line: index + 1 });
            }
        }
    }
    tables
}

/// Each table has a line in its house's README, which says its hot key.
pub(super) fn tables(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for table in all_tables(tree) {
        let Some(readme) = tree.get(&format!("{}/README.md", table.house)) else { continue };
        if !readme.text.contains(&format!("`{}`", table.name)) {
            let message = format!(
                "`{}` has no line in {}: say its hot key and the plan for it",
                table.name, readme.path
            );
            findings.push(Finding::new(&table.file.path, table.line, "tables", message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    fn house(left_out: &str) -> Vec<(String, String)> {
        let rooms = ROOMS.iter().map(|room| room[0]).filter(|room| *room != left_out);
        rooms
            .map(|room| {
                let path = if room == "migrations" { "migrations/0001.sql" } else { room };
                let text = if room == "README.md" { "Owns, promises, emits, needs: `users`" } else { "" };
                (format!("services/users/{path}"), text.to_owned())
            })
            .collect()
    }

    fn borrowed(files: &[(String, String)]) -> Vec<(&str, &str)> {
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect()
    }

    #[test]
    fn a_house_with_all_rooms_is_silent() {
        assert_eq!(found(houses, &borrowed(&house(""))), [""; 0]);
    }

    #[test]
    fn each_missing_room_is_named() {
        for room in ROOMS {
            let findings = found(houses, &borrowed(&house(room[0])));
            assert_eq!(findings.len(), 1, "{room:?} {findings:?}");
            assert!(findings[0].contains(room[0]), "{findings:?}");
        }
    }

    #[test]
    fn a_folder_serves_as_a_room() {
        let mut files = house("src/model.rs");
        files.push(("services/users/src/model/user.rs".into(), String::new()));
        assert_eq!(found(houses, &borrowed(&files)), [""; 0]);
    }

    #[test]
    fn checkout_has_a_saga_and_steps_for_a_model() {
        let in_checkout = |(path, text): (String, String)| (path.replace("users", "checkout"), text);
        let mut files: Vec<_> = house("src/model.rs").into_iter().map(in_checkout).collect();
        assert_eq!(found(houses, &borrowed(&files)).len(), 2);
        files.push(("services/checkout/src/saga.rs".into(), String::new()));
        files.push(("services/checkout/src/steps/reserve.rs".into(), String::new()));
        assert_eq!(found(houses, &borrowed(&files)), [""; 0]);
    }

    #[test]
    fn a_readme_says_what_the_house_owns() {
        let mut files = house("README.md");
        files.push(("services/users/README.md".into(), "Promises, emits, needs.".into()));
        assert_eq!(found(houses, &borrowed(&files)), ["services/users/README.md:1: say what the house owns"]);
    }

    #[test]
    fn a_table_without_a_line_in_the_readme_is_found() {
        let readme = ("services/users/README.md", "`users`: hot key user_id");
        let sql = "create table users (\n);\ncreate table if not exists sessions (\n);\n";
        let findings = found(tables, &[readme, ("services/users/migrations/0001.sql", sql)]);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].contains("0001.sql:3: `sessions` has no line"), "{findings:?}");
    }
}

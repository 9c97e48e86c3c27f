//! Backups and restores that cannot be: a sentence, a page, exit code 1, and nothing changed.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::command_line::{shoal, stderr};

/// A folder with the data of a shop, and a backup of it.
struct Kept(TempDir);

impl Kept {
    fn new() -> Self {
        let kept = Self(tempfile::tempdir().expect("a directory"));
        kept.done(&["migrate"]);
        kept.done(&["admin", "create", "ada@example.com"]);
        kept.done(&["backup", "--to", &kept.text("backup")]);
        kept
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    fn on_data(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let (data, mut all) = (self.text("data"), arguments.to_vec());
        if !arguments.contains(&"--data") {
            all.extend(["--data", &data]);
        }
        let output = shoal(&all, &[]);
        (output.status.code(), stderr(&output))
    }

    fn done(&self, arguments: &[&str]) -> String {
        let (code, said) = self.on_data(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        said
    }

    /// Fails with these words and the page of this code, and changes no file.
    fn refused(&self, arguments: &[&str], code: &str, words: &str) {
        let before = files(self.0.path());
        let (exit, said) = self.on_data(arguments);
        assert_eq!(exit, Some(1), "{arguments:?}: {said}");
        assert!(said.starts_with("error: ") && said.contains(words), "{arguments:?}: {said}");
        assert!(said.contains(&format!("docs/errors/{code}.md")), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
        assert_eq!(files(self.0.path()), before, "{arguments:?}");
    }

    /// Changes the manifest of the backup.
    fn edit(&self, change: impl FnOnce(&mut serde_json::Value)) {
        let path = self.path("backup/manifest.json");
        let mut manifest =
            serde_json::from_slice(&fs::read(&path).expect("it is there")).expect("it is JSON");
        change(&mut manifest);
        fs::write(path, manifest.to_string()).expect("it can be written");
    }
}

/// Every file below a folder but the locks, with its bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.extension().is_some_and(|ending| ending == "lock") => {}
            false => found.push((path.clone(), fs::read(path).expect("readable"))),
        }
    }
    found.sort();
    found
}

#[test]
fn a_backup_overwrites_nothing_and_needs_data_of_a_shop() {
    let kept = Kept::new();
    kept.refused(&["backup", "--to", &kept.text("backup")], "backup_exists", "is there already");
    fs::create_dir(kept.path("empty")).expect("made");
    let (empty, nowhere) = (kept.text("empty"), kept.text("nowhere"));
    kept.refused(&["backup", "--to", &nowhere, "--data", &empty], "no_data", &empty);
    let absent = kept.text("absent");
    kept.refused(&["backup", "--to", &nowhere, "--data", &absent], "no_data", &absent);
    let file = kept.text("backup/manifest.json");
    kept.refused(&["backup", "--to", &format!("{file}/x")], "file_refused", &file);
    kept.done(&["backup", "--to", &format!("{empty}/")]);
    assert!(kept.path("empty/manifest.json").exists());
}

#[test]
fn data_in_postgresql_has_other_tools() {
    let kept = Kept::new();
    let (to, url) = (kept.text("to"), "postgres://ann:hush@127.0.0.1:1/shop");
    kept.refused(&["backup", "--to", &to, "--data", url], "backup_not_embedded", "docs/operations.md");
    let from = kept.text("backup");
    kept.refused(&["restore", "--from", &from, "--data", url], "backup_not_embedded", "127.0.0.1");
    let (_, said) = kept.on_data(&["restore", "--from", &from, "--data", url]);
    assert!(!said.contains("hush"), "{said}");
}

#[test]
fn data_that_is_damaged_is_not_backed_up() {
    let kept = Kept::new();
    fs::write(kept.path("data/orders.db"), "not a database, but long enough to be read as one".repeat(100))
        .expect("spoilt");
    kept.refused(&["backup", "--to", &kept.text("to")], "data_corrupt", "orders.db");
    assert!(!kept.path("to.part").exists());
}

#[test]
fn data_that_is_there_is_replaced_only_if_told_to_and_then_kept() {
    let kept = Kept::new();
    let from = kept.text("backup");
    kept.refused(&["restore", "--from", &from], "data_exists", "--replace");
    let before = fs::read(kept.path("data/users.db")).expect("it is there");
    let said = kept.done(&["restore", "--from", &from, "--replace"]);
    let aside = said.rsplit_once("what was there is in ").expect("it says where").1.trim().to_owned();
    assert_eq!(fs::read(Path::new(&aside).join("users.db")).expect("it is kept"), before);
    // The account is there again, so its address is taken.
    let (code, said) = kept.on_data(&["admin", "create", "ada@example.com"]);
    assert!(code == Some(1) && said.contains("exists already"), "{said}");
}

#[test]
fn what_is_no_backup_is_told_from_what_is_damaged() {
    let kept = Kept::new();
    let (new, from) = (kept.text("new"), kept.text("backup"));
    let restore = ["restore", "--from", &from, "--data", &new];
    for (name, words) in
        [("data", "manifest.json"), ("absent", "manifest.json"), ("backup/users.db", "manifest.json")]
    {
        kept.refused(&["restore", "--from", &kept.text(name), "--data", &new], "no_backup", words);
    }
    let whole = fs::read(kept.path("backup/orders.db")).expect("it is there");
    let spoil = |bytes: &[u8]| fs::write(kept.path("backup/orders.db"), bytes).expect("written");
    let mut bit = whole.clone();
    bit[whole.len() / 2] ^= 1;
    for (bytes, words) in [(&bit[..], "checksum"), (&whole[1..], "bytes"), (&[], "has 0 bytes")] {
        spoil(bytes);
        kept.refused(&restore, "backup_damaged", words);
    }
    fs::remove_file(kept.path("backup/orders.db")).expect("removed");
    kept.refused(&restore, "backup_damaged", "lacks orders.db");
    spoil(&whole);
    fs::write(kept.path("backup/more.db"), "more").expect("written");
    kept.refused(&restore, "backup_damaged", "more.db");
    fs::remove_file(kept.path("backup/more.db")).expect("removed");
    kept.edit(|manifest| manifest["databases"][0]["rows"]["users"] = 2.into());
    kept.refused(&restore, "backup_damaged", "rows");
    kept.edit(|manifest| manifest["databases"][0]["rows"]["users"] = 1.into());
    kept.done(&restore);
    fs::write(kept.path("backup/manifest.json"), "{}").expect("written");
    kept.refused(&["restore", "--from", &from, "--data", &kept.text("newer")], "no_backup", "format");
}

#[test]
fn a_backup_of_a_newer_version_is_left_alone() {
    let kept = Kept::new();
    let (new, from) = (kept.text("new"), kept.text("backup"));
    let restore = ["restore", "--from", &from, "--data", &new];
    kept.edit(|manifest| manifest["databases"][2]["schema"] = 1000.into());
    kept.refused(&restore, "backup_too_new", "orders.db has schema 1000");
    kept.edit(|manifest| manifest["databases"][2]["file"] = "parcels.db".into());
    kept.refused(&restore, "backup_too_new", "parcels.db");
    kept.edit(|manifest| manifest["format"] = 2.into());
    kept.refused(&restore, "backup_too_new", "its format is 2");
    // A path is no name of a file.
    kept.edit(|manifest| {
        manifest["format"] = 1.into();
        manifest["databases"][2]["file"] = "../../users.db".into();
    });
    kept.refused(&restore, "backup_too_new", "../../users.db");
}

//! The schemas of events in docs/events with the page about them, made from the types in `contract` and kept in the
//! repository so that a change of what is told is seen in its diff.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use crate::steps::Outcome;
use crate::suite::cargo;

const FOLDER: &str = "docs/events";

/// The files of a folder by name; none if it is absent.
fn files(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            found.insert(entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?);
        }
    }
    Ok(found)
}

/// What the code gives, written into a folder of its own first.
fn generated(root: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let folder = root.join(format!("target/tmp/events-{}", std::process::id()));
    let mut write = cargo(root);
    write.args(["run", "--quiet", "--package", "shoal-contract", "--example", "events", "--"]).arg(&folder);
    if !write.status()?.success() {
        return Err(io::Error::other("the schemas of events cannot be written"));
    }
    let made = files(&folder)?;
    fs::remove_dir_all(folder)?;
    Ok(made)
}

/// Writes the schemas and the page below `root`, and removes those whose type is gone.
pub(crate) fn write(root: &Path) -> io::Result<()> {
    let (made, folder) = (generated(root)?, root.join(FOLDER));
    fs::create_dir_all(&folder)?;
    for name in files(&folder)?.keys().filter(|name| !made.contains_key(*name)) {
        fs::remove_file(folder.join(name))?;
    }
    for (name, text) in made {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}

/// Whether the schemas and the page in the repository are those the code gives.
pub(crate) fn check(root: &Path) -> io::Result<Outcome> {
    let (kept, made) = (files(&root.join(FOLDER))?, generated(root)?);
    if kept == made {
        return Ok(Outcome::Passed);
    }
    for name in kept.keys().chain(made.keys().filter(|name| !kept.contains_key(*name))) {
        if kept.get(name) != made.get(name) {
            println!("{FOLDER}/{name} is not what the code gives");
        }
    }
    println!("run `cargo xtask events` and look at its diff");
    Ok(Outcome::Failed)
}

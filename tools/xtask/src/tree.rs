//! The repository's files, read once. Every rule is a function of a [`Tree`], so a test can make one inline.

use std::path::Path;
use std::{fs, io};

use crate::rust::Source;

/// Folders that hold no source.
const SKIPPED: &[&str] = &["target", "data", ".git", "node_modules"];
/// Files whose text some rule reads; of the others only the path is kept.
const READ: &[&str] = &[".rs", ".md", ".sql", ".toml"];

/// One file.
pub(crate) struct File {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    /// Empty for kinds that no rule reads.
    pub(crate) text: String,
    /// The parts of a Rust file.
    pub(crate) rust: Option<Source>,
}

impl File {
    fn new(path: String, text: String) -> Self {
        let rust = path.ends_with(".rs").then(|| Source::read(&text));
        Self { path, text, rust }
    }

    /// Whether the whole file is test code.
    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs") || self.path.contains("/benches/")
    }

    /// Whether the file lies in one of `folders`.
    pub(crate) fn within(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| under(&self.path, folder))
    }

    /// The line (from 1) that first holds `needle`; 1 if none does.
    pub(crate) fn line_of(&self, needle: &str) -> usize {
        self.text.lines().position(|line| line.contains(needle)).map_or(1, |index| index + 1)
    }
}

/// Whether `path` is `folder` or lies in it.
pub(crate) fn under(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// All files, sorted by path.
pub(crate) struct Tree {
    files: Vec<File>,
}

impl Tree {
    /// Reads the files below `root`.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        walk(root, "", &mut files)?;
        files.sort_by(|a: &File, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    /// A tree of made-up files.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| File::new((*path).into(), (*text).into())).collect() }
    }

    pub(crate) fn files(&self) -> &[File] {
        &self.files
    }

    /// The Rust files with their parts.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&File, &Source)> {
        self.files.iter().filter_map(|file| file.rust.as_ref().map(|source| (file, source)))
    }

    /// The files whose name ends so.
    pub(crate) fn ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| file.path.ends_with(end))
    }

    pub(crate) fn get(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether a file or a folder of that path is there.
    pub(crate) fn exists(&self, path: &str) -> bool {
        self.files.iter().any(|file| under(&file.path, path))
    }

    /// The folders directly in `folder`.
    pub(crate) fn folders_in(&self, folder: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for file in &self.files {
            let Some(rest) = file.path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) else {
                continue;
            };
            let Some((child, _)) = rest.split_once('/') else { continue };
            let path = format!("{folder}/{child}");
            if !found.contains(&path) {
                found.push(path);
            }
        }
        found
    }
}

fn walk(root: &Path, relative: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(relative))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if relative.is_empty() { name.clone() } else { format!("{relative}/{name}") };
        let kind = entry.file_type()?;
        let skipped = SKIPPED.contains(&name.as_str()) && (relative.is_empty() || name != "data");
        if kind.is_dir() && !skipped {
            walk(root, &path, files)?;
        } else if kind.is_file() {
            let text = if READ.iter().any(|end| name.ends_with(end)) {
                String::from_utf8_lossy(&fs::read(entry.path())?).into_owned()
            } else {
                String::new()
            };
            files.push(File::new(path, text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_files_are_found_by_whole_names() {
        let tree = Tree::of(&[("services/users/src/lib.rs", ""), ("services/orders/README.md", "")]);
        assert!(tree.exists("services/users"));
        assert!(!tree.exists("services/user"));
        assert_eq!(tree.folders_in("services"), ["services/users", "services/orders"]);
    }
}

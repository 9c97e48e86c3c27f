//! What is found on the disk after a cut: what was durable, and of the rest as much as chance has it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use shoal_types::Rng;

use super::disk::{self, Cached, Change, Content, Disk, Entry, List, Node, ROOT};

/// What becomes of changes that nobody has made durable when the power fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// All are forgotten.
    Forgotten,
    /// All happen to be on the disk.
    Kept,
    /// All are on the disk, but of the last write to each file only the beginning.
    Torn,
    /// Some are and some are not, of each write some sectors of this many bytes; a file may have its new size all the
    /// same, with zeros in the gaps. Of what folders list likewise.
    Scattered(usize),
}

/// The smallest unit a disk writes whole.
const SECTOR: usize = 512;

/// The files and folders found after a cut.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    folders: Vec<PathBuf>,
    files: BTreeMap<PathBuf, Content>,
}

impl Image {
    /// Writes them into a folder that is empty.
    pub fn write_to(&self, folder: &Path) -> std::io::Result<()> {
        for path in &self.folders {
            std::fs::create_dir(folder.join(path))?;
        }
        for (path, content) in &self.files {
            std::fs::write(folder.join(path), content)?;
        }
        Ok(())
    }

    /// What differs from the files in `folder`, in words; those named by `but` do not count.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub(crate) fn differences(&self, folder: &Path, but: &str) -> std::io::Result<Vec<String>> {
        let (mut found, mut wrong) = (Vec::new(), Vec::new());
        walk(folder, &mut found)?;
        found.retain(|path| !path.to_string_lossy().ends_with(but));
        for path in &found {
            let name = path.strip_prefix(folder).unwrap_or(path);
            match self.files.get(name) {
                None => wrong.push(format!("{} is not known", name.display())),
                Some(content) if *content != std::fs::read(path)? => {
                    wrong.push(format!("{} has another content", name.display()));
                }
                Some(_) => {}
            }
        }
        if found.len() < self.files.len() {
            wrong.push("a file is not there".to_owned());
        }
        Ok(wrong)
    }
}

/// `folder/` and `file=content`, one after the other.
impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folders = self.folders.iter().map(|path| format!("{}/", path.display()));
        let file = |(path, content): (&PathBuf, &Content)| {
            format!("{}={}", path.display(), String::from_utf8_lossy(content))
        };
        let all: Vec<_> = folders.chain(self.files.iter().map(file)).collect();
        f.write_str(&all.join(" "))
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// What is found on `disk` if its changes under way meet this fate. The same seed of `rng` finds the same.
pub(crate) fn found(disk: &Disk, fate: Fate, rng: &dyn Rng) -> Image {
    let mut image = Image::default();
    let mut open = vec![(PathBuf::new(), ROOT)];
    while let Some((path, folder)) = open.pop() {
        for (name, node) in listed(&disk.folders[folder], fate, rng) {
            let path = path.join(name);
            match node {
                Node::Folder(folder) => {
                    image.folders.push(path.clone());
                    open.push((path, folder));
                }
                Node::File(file) => {
                    image.files.insert(path, content(&disk.files[file], fate, rng));
                }
            }
        }
    }
    image
}

fn listed(folder: &Cached<List, Entry>, fate: Fate, rng: &dyn Rng) -> List {
    let mut found = folder.durable.clone();
    for waiting in &folder.waiting {
        let kept = match fate {
            Fate::Forgotten => false,
            Fate::Kept | Fate::Torn => true,
            Fate::Scattered(_) => coin(rng),
        };
        if kept {
            disk::list(&mut found, &waiting.change);
        }
    }
    found
}

fn content(file: &Cached<Content, Change>, fate: Fate, rng: &dyn Rng) -> Content {
    let mut found = file.durable.clone();
    let mut size = found.len();
    let last = file.waiting.len().saturating_sub(1);
    for (number, waiting) in file.waiting.iter().enumerate() {
        match (fate, &waiting.change) {
            (Fate::Forgotten, _) => {}
            (Fate::Torn, Change::Write(offset, bytes)) if number == last => {
                let sectors = bytes.len().div_ceil(SECTOR) as u32;
                let end = boundary(*offset, rng.below(sectors + 1) as usize, SECTOR).min(bytes.len());
                disk::put(&mut found, *offset, &bytes[..end]);
            }
            (Fate::Scattered(sector), Change::Write(offset, bytes)) => {
                scatter(&mut found, *offset, bytes, sector, rng);
                size = size.max(*offset as usize + bytes.len());
            }
            (Fate::Scattered(_), Change::Resize(_)) if coin(rng) => {}
            (_, change) => disk::write(&mut found, change),
        }
    }
    if matches!(fate, Fate::Scattered(_)) && found.len() < size && coin(rng) {
        found.resize(size, 0);
    }
    found
}

/// Writes some of the sectors that `bytes` at `offset` fall into.
fn scatter(content: &mut Content, offset: u64, bytes: &[u8], sector: usize, rng: &dyn Rng) {
    let (mut start, mut number) = (0, 1);
    while start < bytes.len() {
        let end = boundary(offset, number, sector).min(bytes.len());
        if coin(rng) {
            disk::put(content, offset + start as u64, &bytes[start..end]);
        }
        (start, number) = (end, number + 1);
    }
}

/// The length up to the end of the sector with this number, counted from the one that `offset` falls into.
fn boundary(offset: u64, number: usize, sector: usize) -> usize {
    (number * sector).saturating_sub(offset as usize % sector)
}

fn coin(rng: &dyn Rng) -> bool {
    rng.below(2) == 0
}

//! A disk that tells what is durable from what is not yet.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::operation::{Effect, Operation};

/// A change of a file that waits to be made durable.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Bytes at an offset.
    Write(u64, Arc<[u8]>),
    /// Another size.
    Resize(u64),
}

/// A change of a folder that waits to be made durable.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    Add(String, Node),
    Remove(String),
    Rename(String, String),
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    File(usize),
    Folder(usize),
}

/// A file or folder: what of it is durable, and what was changed since, in order.
#[derive(Debug)]
pub(crate) struct Cached<T, C> {
    pub(crate) durable: T,
    pub(crate) waiting: Vec<Waiting<C>>,
}

#[derive(Debug)]
pub(crate) struct Waiting<C> {
    pub(crate) change: C,
    /// When the call was over. A sync that began before does not count for it.
    left: Option<usize>,
}

impl<T: Default, C> Cached<T, C> {
    fn new() -> Self {
        Self { durable: T::default(), waiting: Vec::new() }
    }

    /// Makes durable what was over before `began`.
    fn sync(&mut self, began: usize, mut apply: impl FnMut(&mut T, &C)) {
        let durable = &mut self.durable;
        self.waiting.retain(|waiting| {
            let covered = waiting.left.is_some_and(|left| left < began);
            if covered {
                apply(durable, &waiting.change);
            }
            !covered
        });
    }
}

/// The content of a file.
pub(crate) type Content = Vec<u8>;
/// What a folder lists.
pub(crate) type List = BTreeMap<String, Node>;

/// A disk. It begins as one empty folder that is durable itself.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) files: Vec<Cached<Content, Change>>,
    pub(crate) folders: Vec<Cached<List, Entry>>,
    /// What a running process sees under a path.
    seen: HashMap<PathBuf, Node>,
}

/// The folder all others are in.
pub(crate) const ROOT: usize = 0;

impl Disk {
    pub(crate) fn new() -> Self {
        let seen = HashMap::from([(PathBuf::new(), Node::Folder(ROOT))]);
        Self { files: Vec::new(), folders: vec![Cached::new()], seen }
    }

    /// Does what a process did; a sync has its effect later, by [`Disk::sync`].
    ///
    /// # Errors
    /// What cannot have happened on this disk, or is not understood.
    pub(crate) fn apply(&mut self, operation: &Operation) -> Result<(), String> {
        let left = operation.left;
        match &operation.effect {
            Effect::Open { path, empty } => match self.seen.get(path) {
                Some(&Node::File(file)) if *empty => self.change(file, Change::Resize(0), left),
                Some(_) => {}
                None => {
                    self.files.push(Cached::new());
                    self.add(path, Node::File(self.files.len() - 1), left)?;
                }
            },
            Effect::Write { path, offset, bytes } => {
                let change = Change::Write(*offset, Arc::clone(bytes));
                self.change(self.file(path)?, change, left);
            }
            Effect::Resize { path, size } => self.change(self.file(path)?, Change::Resize(*size), left),
            Effect::MakeFolder { path } => {
                self.folders.push(Cached::new());
                self.add(path, Node::Folder(self.folders.len() - 1), left)?;
            }
            Effect::Remove { path } => {
                self.file(path)?;
                self.seen.remove(path);
                self.list(path, Entry::Remove, left)?;
            }
            Effect::Rename { from, to } => {
                let node = Node::File(self.file(from)?);
                if from.parent() != to.parent() {
                    return Err(format!("{} goes to another folder", from.display()));
                }
                self.seen.remove(from);
                self.seen.insert(to.clone(), node);
                let to = name(to);
                self.list(from, |from| Entry::Rename(from, to), left)?;
            }
            Effect::Sync { .. } | Effect::Send { .. } => {}
        }
        Ok(())
    }

    /// Makes durable what was done to `path` before `began`.
    pub(crate) fn sync(&mut self, path: &Path, began: usize) {
        match self.seen.get(path) {
            Some(&Node::File(file)) => self.files[file].sync(began, write),
            Some(&Node::Folder(folder)) => self.folders[folder].sync(began, list),
            // It was removed meanwhile.
            None => {}
        }
    }

    fn add(&mut self, path: &Path, node: Node, left: Option<usize>) -> Result<(), String> {
        self.seen.insert(path.to_owned(), node);
        self.list(path, |name| Entry::Add(name, node), left)
    }

    fn list(
        &mut self,
        path: &Path,
        entry: impl FnOnce(String) -> Entry,
        left: Option<usize>,
    ) -> Result<(), String> {
        match path.parent().and_then(|folder| self.seen.get(folder)) {
            Some(&Node::Folder(folder)) => {
                self.folders[folder].waiting.push(Waiting { change: entry(name(path)), left });
                Ok(())
            }
            _ => Err(format!("{} is in no folder", path.display())),
        }
    }

    fn change(&mut self, file: usize, change: Change, left: Option<usize>) {
        self.files[file].waiting.push(Waiting { change, left });
    }

    fn file(&self, path: &Path) -> Result<usize, String> {
        match self.seen.get(path) {
            Some(&Node::File(file)) => Ok(file),
            _ => Err(format!("{} is no file", path.display())),
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Does a change to a file's content.
pub(crate) fn write(content: &mut Content, change: &Change) {
    match change {
        Change::Write(offset, bytes) => put(content, *offset, bytes),
        Change::Resize(size) => content.resize(*size as usize, 0),
    }
}

/// Writes bytes at an offset; a gap before it reads as zeros.
pub(crate) fn put(content: &mut Content, offset: u64, bytes: &[u8]) {
    let (start, end) = (offset as usize, offset as usize + bytes.len());
    if content.len() < end {
        content.resize(end, 0);
    }
    content[start..end].copy_from_slice(bytes);
}

/// Does a change to a folder's list.
pub(crate) fn list(list: &mut List, entry: &Entry) {
    match entry {
        Entry::Add(name, node) => drop(list.insert(name.clone(), *node)),
        Entry::Remove(name) => drop(list.remove(name)),
        // The name may not have been durable itself; then there is nothing to rename.
        Entry::Rename(from, to) => {
            if let Some(node) = list.remove(from) {
                list.insert(to.clone(), node);
            }
        }
    }
}

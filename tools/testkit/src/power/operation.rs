//! What recorded calls did to the files below a folder, and what they sent to others.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::trace::Call;

/// The calls that are recorded: every way to change a file or folder, to make it durable, to answer somebody. A
/// question mark stands before those that not every processor has.
pub(crate) const RECORDED: &str = "execve,?open,openat,?openat2,?creat,lseek,read,write,writev,pwrite64,pwritev,\
    ?pwritev2,sendto,sendmsg,fsync,fdatasync,ftruncate,truncate,fallocate,?rename,?renameat,?renameat2,?unlink,unlinkat,\
    ?mkdir,mkdirat,?rmdir,?link,linkat,?symlink,symlinkat,mmap,?io_uring_setup,?copy_file_range,?sendfile";
/// How the name of the index of SQLite's log ends. It is shared through memory, never durable, and made anew after a
/// crash from what the log says.
pub(crate) const INDEX_OF_LOG: &str = "-shm";

/// What a call did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A file was opened that is made if absent, and emptied if `empty`.
    Open { path: PathBuf, empty: bool },
    /// Bytes were written into a file.
    Write { path: PathBuf, offset: u64, bytes: Arc<[u8]> },
    /// A file was cut or grown to `size`.
    Resize { path: PathBuf, size: u64 },
    /// A folder was made.
    MakeFolder { path: PathBuf },
    /// A name was taken away.
    Remove { path: PathBuf },
    /// A file was given another name.
    Rename { from: PathBuf, to: PathBuf },
    /// A file or folder was made durable.
    Sync { path: PathBuf },
    /// Bytes left for somebody else.
    Send { bytes: Vec<u8> },
}

/// A call that did something. Positions count half lines of the log, on and on from one life to the next: the line
/// on which a call begins, and the half after the line on which it ends.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// When it began: not before this is any of it to be seen.
    pub(crate) entered: usize,
    /// When it was over; nothing if the process was killed inside, so that nobody knows whether it was done.
    pub(crate) left: Option<usize>,
    pub(crate) effect: Effect,
}

/// Turns the calls of one life of a process into what they did below `root`.
pub(crate) struct Reader<'a> {
    root: &'a Path,
    /// Where a descriptor writes next.
    places: HashMap<i64, u64>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(root: &'a Path) -> Self {
        Self { root, places: HashMap::new() }
    }

    /// What each call did; those without an effect are left out. Positions are counted from `first`.
    ///
    /// # Errors
    /// A call that changes a file in a way that is not understood here.
    pub(crate) fn operations(mut self, calls: &[Call], first: usize) -> Result<Vec<Operation>, String> {
        let mut operations = Vec::new();
        for call in calls {
            // A call that failed did nothing; one with an unknown end may have.
            if call.result.is_some_and(|result| result < 0) {
                continue;
            }
            let effect = self.effect(call).map_err(|why| format!("line {}: {why}", call.entered))?;
            if let Some(effect) = effect {
                let left = call.left.map(|line| first + 2 * line + 1);
                operations.push(Operation { entered: first + 2 * call.entered, left, effect });
            }
        }
        Ok(operations)
    }

    fn effect(&mut self, call: &Call) -> Result<Option<Effect>, String> {
        let unknown = || format!("{}({}) is not understood", call.name, call.plain(0).unwrap_or_default());
        Ok(match &*call.name {
            "openat" => return self.open(call),
            "read" | "lseek" => self.moved(call),
            "write" | "writev" | "sendto" | "sendmsg" => return self.written(call),
            "pwrite64" => match self.file(call) {
                Some(path) => {
                    let offset = call.last_number().and_then(|offset| u64::try_from(offset).ok());
                    Some(Effect::Write { path, offset: offset.ok_or_else(unknown)?, bytes: written(call)? })
                }
                None => None,
            },
            "ftruncate" => match self.file(call) {
                Some(path) => {
                    let size = call.last_number().and_then(|size| u64::try_from(size).ok());
                    Some(Effect::Resize { path, size: size.ok_or_else(unknown)? })
                }
                None => None,
            },
            "fsync" | "fdatasync" => self.file(call).map(|path| Effect::Sync { path }),
            "mkdir" => self.named(call, 0)?.map(|path| Effect::MakeFolder { path }),
            "mkdirat" => self.named(call, 1)?.map(|path| Effect::MakeFolder { path }),
            "unlink" => self.named(call, 0)?.map(|path| Effect::Remove { path }),
            "unlinkat" => self.named(call, 1)?.map(|path| Effect::Remove { path }),
            "rename" => self.renamed(call, 0, 1)?,
            "renameat" | "renameat2" => self.renamed(call, 1, 3)?,
            "mmap" => self.mapped(call)?,
            "execve" => None,
            _ if call.arguments.contains(&*self.root.to_string_lossy()) || call.name == "io_uring_setup" => {
                return Err(unknown());
            }
            _ => None,
        })
    }

    fn open(&mut self, call: &Call) -> Result<Option<Effect>, String> {
        let flags: Vec<&str> = call.plain(2).unwrap_or_default().split('|').collect();
        if let Some(descriptor) = call.result {
            self.places.insert(descriptor, 0);
        }
        let (made, empty) = (flags.contains(&"O_CREAT"), flags.contains(&"O_TRUNC"));
        let Some(path) = self.named(call, 1)?.filter(|_| made || empty) else { return Ok(None) };
        if flags.contains(&"O_APPEND") {
            return Err(format!("{} is appended to", path.display()));
        }
        Ok(Some(Effect::Open { path, empty }))
    }

    /// Follows where a descriptor stands.
    fn moved(&mut self, call: &Call) -> Option<Effect> {
        let ((descriptor, _), result) = (call.descriptor()?, u64::try_from(call.result?).ok()?);
        let place = self.places.entry(descriptor).or_default();
        *place = if call.name == "lseek" { result } else { *place + result };
        None
    }

    fn written(&mut self, call: &Call) -> Result<Option<Effect>, String> {
        let Some((descriptor, target)) = call.descriptor() else { return Ok(None) };
        if target.starts_with("socket:") {
            return Ok(Some(Effect::Send { bytes: call.bytes()? }));
        }
        let Some(path) = self.file(call) else { return Ok(None) };
        let (bytes, place) = (written(call)?, self.places.entry(descriptor).or_default());
        let offset = *place;
        *place += bytes.len() as u64;
        Ok(Some(Effect::Write { path, offset, bytes }))
    }

    fn renamed(&self, call: &Call, from: usize, to: usize) -> Result<Option<Effect>, String> {
        match (self.named(call, from)?, self.named(call, to)?) {
            (Some(from), Some(to)) => Ok(Some(Effect::Rename { from, to })),
            (None, None) => Ok(None),
            _ => Err("a file moves in or out of the folder".to_owned()),
        }
    }

    /// Writes through memory leave no trace.
    fn mapped(&self, call: &Call) -> Result<Option<Effect>, String> {
        let writes = call.arguments.contains("MAP_SHARED") && call.arguments.contains("PROT_WRITE");
        match call.descriptor_at(4).and_then(|(_, path)| self.below(Path::new(path))) {
            Some(path) if writes => Err(format!("{} is written through memory", path.display())),
            _ => Ok(None),
        }
    }

    /// The file or folder below the root that a call's first argument stands for.
    fn file(&self, call: &Call) -> Option<PathBuf> {
        self.below(Path::new(call.descriptor()?.1))
    }

    fn named(&self, call: &Call, place: usize) -> Result<Option<PathBuf>, String> {
        let path = call.path(place).ok_or_else(|| format!("{} has no path", call.name))?;
        Ok(self.below(&path))
    }

    /// A path below the root as seen from there; nothing for others, and for the index of a log.
    fn below(&self, path: &Path) -> Option<PathBuf> {
        let below = path.strip_prefix(self.root).ok()?;
        (!below.to_string_lossy().ends_with(INDEX_OF_LOG)).then(|| below.to_owned())
    }
}

/// What of a call's bytes was taken.
fn written(call: &Call) -> Result<Arc<[u8]>, String> {
    let mut bytes = call.bytes()?;
    if let Some(taken) = call.result {
        bytes.truncate(usize::try_from(taken).unwrap_or_default());
    }
    Ok(bytes.into())
}

impl Operation {
    /// Whether a call that nobody saw the end of was done, judged by the files the dead process left. A sync counts
    /// as not done: nothing can tell.
    pub(crate) fn happened(&self, root: &Path) -> bool {
        let read = |path: &Path| std::fs::read(root.join(path)).unwrap_or_default();
        match &self.effect {
            Effect::Open { path, empty } => root.join(path).exists() && (!empty || read(path).is_empty()),
            Effect::Write { path, offset, bytes } => {
                read(path).get(*offset as usize..).is_some_and(|there| there.starts_with(bytes))
            }
            Effect::Resize { path, size } => read(path).len() as u64 == *size,
            Effect::MakeFolder { path } => root.join(path).exists(),
            Effect::Remove { path } => !root.join(path).exists(),
            Effect::Rename { from, to } => root.join(to).exists() && !root.join(from).exists(),
            Effect::Sync { .. } => false,
            Effect::Send { .. } => true,
        }
    }
}

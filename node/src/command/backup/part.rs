use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::error::{self, Error};
use super::files;

/// In a folder that is being written: locked by the process that writes it.
const LOCK: &str = "writing";

/// A folder on its way: `NAME.part` until all is in it, then `NAME`. Dropped before that, it is removed; what a process
/// that was killed left under the name is removed by the next.
pub(crate) struct Part {
    path: PathBuf,
    to: PathBuf,
    placed: bool,
    _lock: File,
}

impl Part {
    /// Makes the folder for what is to be at `to`, where nothing may be but an empty folder.
    ///
    /// # Errors
    /// `Exists`, `UnderWay`, `NoRoom`, `Refused`.
    pub(crate) fn make(to: &Path) -> Result<Self, Error> {
        let refused = |error: io::Error| error::io(&error, to);
        let empty = to.is_dir() && fs::read_dir(to).map_err(refused)?.next().is_none();
        if !empty && to.try_exists().map_err(refused)? {
            return Err(Error::Exists { path: to.display().to_string() });
        }
        // Without a slash at its end.
        let to = &to.components().collect::<PathBuf>();
        let mut name = OsString::from(to);
        name.push(".part");
        let path = PathBuf::from(name);
        fs::create_dir_all(&path).map_err(|error| error::io(&error, &path))?;
        let lock = take(&path)?;
        let part = Self { path, to: to.to_owned(), placed: false, _lock: lock };
        part.clear().map_err(|error| error::io(&error, &part.path))?;
        Ok(part)
    }

    /// Removes what an earlier process left.
    fn clear(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name() != LOCK {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// The folder to write to.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the folder its name, all files in it being on the disk already, and tells it.
    ///
    /// # Errors
    /// `NoRoom`, `Refused`.
    pub(crate) fn place(mut self) -> Result<PathBuf, Error> {
        files::sync(&self.path)?;
        fs::rename(&self.path, &self.to).map_err(|error| error::io(&error, &self.to))?;
        self.placed = true;
        // The lock went along, and keeps another process from taking the folder for a part of its own until here.
        let lock = self.to.join(LOCK);
        fs::remove_file(&lock).map_err(|error| error::io(&error, &lock))?;
        let to = self.to.canonicalize().map_err(|error| error::io(&error, &self.to))?;
        if let Some(parent) = to.parent() {
            files::sync(parent)?;
        }
        Ok(to)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.placed
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "it is of no use and could not be removed");
        }
    }
}

/// Makes sure that nobody else writes the folder.
fn take(folder: &Path) -> Result<File, Error> {
    let path = folder.join(LOCK);
    let lock = File::create(&path).map_err(|error| error::io(&error, &path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Error::UnderWay { path: folder.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(error::io(&error, &path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_appears_whole_under_its_name_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let to = folder.path().join("it");
        drop(Part::make(&to).expect("made"));
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0);

        let part = Part::make(&to).expect("made");
        fs::write(part.path().join("a"), "a").expect("written");
        assert!(matches!(Part::make(&to), Err(Error::UnderWay { .. })));
        let placed = part.place().expect("placed");
        assert_eq!(fs::read_dir(&placed).expect("readable").count(), 1);
        assert!(matches!(Part::make(&to), Err(Error::Exists { .. })));
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let to = folder.path().join("it");
        fs::create_dir(folder.path().join("it.part")).expect("made");
        for name in ["writing", "users.db"] {
            fs::write(folder.path().join("it.part").join(name), "half").expect("written");
        }
        fs::create_dir(&to).expect("an empty folder may be there");
        let placed = Part::make(&to).expect("made").place().expect("placed");
        assert_eq!(fs::read_dir(&placed).expect("readable").count(), 0);
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
    }
}

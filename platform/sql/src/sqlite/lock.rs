use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::{backup, failure, mark};
use crate::Error;

/// Holds a database for this process alone, until dropped or until the process ends, however it ends.
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of the database `name` in `directory`, which is made if absent, to open it.
    pub(super) fn take(directory: &Path, name: &str) -> Result<Self, Error> {
        // The mark of a move says more than that a lock is taken; and it may be set until this has the lock.
        mark::refuse(directory)?;
        let lock = Self::hold(directory, name)?;
        mark::refuse(directory)?;
        backup::refuse_unfinished(directory)?;
        Ok(lock)
    }

    /// Takes the lock, whatever became of the data.
    pub(super) fn hold(directory: &Path, name: &str) -> Result<Self, Error> {
        std::fs::create_dir_all(directory).map_err(|error| failure::from_io(&error, directory))?;
        let path = directory.join(format!("{name}.lock"));
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| failure::from_io(&error, &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(Error::AlreadyOpen { path }),
            Err(TryLockError::Error(error)) => Err(failure::from_io(&error, &path)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone is not enough: a program being started by this process has a copy of the file for a moment.
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "the lock ends with the file");
        }
    }
}

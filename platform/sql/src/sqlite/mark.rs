//! The mark of a move in a directory: a file that covers all houses in it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::failure::from_io;
use crate::Error;
use crate::transfer::Mark;

fn path(directory: &Path) -> PathBuf {
    directory.join("moving")
}

/// The directory's mark.
///
/// # Errors
/// `Corrupt` if there is one that says nothing: then it is not known whether the data is whole.
pub(super) fn read(directory: &Path) -> Result<Option<Mark>, Error> {
    let path = path(directory);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(from_io(&error, &path)),
    };
    let unknown = || Error::Corrupt { detail: format!("{} is not the mark of a move", path.display()) };
    Mark::parse(&text).map(Some).ok_or_else(unknown)
}

/// Passes if the directory has no mark.
///
/// # Errors
/// `Moving`, `Incomplete` or `Moved`.
pub(super) fn refuse(directory: &Path) -> Result<(), Error> {
    match read(directory)? {
        None => Ok(()),
        Some(mark) => Err(mark.refusal(&directory.display().to_string())),
    }
}

/// Sets the mark, or takes it away; on the disk when it answers.
pub(super) fn set(directory: &Path, mark: Option<&Mark>) -> Result<(), Error> {
    let path = path(directory);
    let change = || {
        match mark {
            Some(mark) => {
                // A reader finds the mark before or the new one, never a part.
                let draft = path.with_extension("new");
                let mut file = File::create(&draft)?;
                file.write_all(mark.to_text().as_bytes())?;
                file.sync_all()?;
                std::fs::rename(&draft, &path)?;
            }
            None => match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            },
        }
        File::open(directory)?.sync_all()
    };
    change().map_err(|error| from_io(&error, &path))
}

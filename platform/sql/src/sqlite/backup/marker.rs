use std::io;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::sqlite::failure::from_io;

/// In a directory where copies are being put in place: nobody opens the data while it is there.
const NAME: &str = "restore.unfinished";
const DRAFT: &str = "restore.unfinished.new";

/// How far a replacement of the data has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// What was there is moved aside: what is still there is old.
    Clearing,
    /// The new is put in place: what is there is new.
    Placing,
}

impl Phase {
    const fn word(self) -> &'static str {
        match self {
            Self::Clearing => "clearing",
            Self::Placing => "placing",
        }
    }
}

/// The file that says that the data of a directory is neither the old nor the new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    directory: PathBuf,
    pub(super) phase: Phase,
    /// The name of the folder that takes what was there.
    aside: String,
}

impl Marker {
    pub(super) fn new(directory: &Path, aside: &str) -> Self {
        Self { directory: directory.to_owned(), phase: Phase::Clearing, aside: aside.to_owned() }
    }

    /// The marker in `directory`, if there is one.
    pub(super) fn find(directory: &Path) -> Result<Option<Self>, Error> {
        let path = directory.join(NAME);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(from_io(&error, &path)),
        };
        let words = text.trim_end().split_once(' ');
        let phases = [Phase::Clearing, Phase::Placing];
        let read =
            words.and_then(|(word, aside)| Some((phases.into_iter().find(|it| it.word() == word)?, aside)));
        match read {
            Some((phase, aside)) if !aside.is_empty() && !aside.contains('/') && aside != ".." => {
                Ok(Some(Self { directory: directory.to_owned(), phase, aside: aside.to_owned() }))
            }
            _ => Err(Error::Corrupt { detail: format!("{} is not as a restore wrote it", path.display()) }),
        }
    }

    /// The next phase.
    pub(super) fn placing(self) -> Self {
        Self { phase: Phase::Placing, ..self }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where it is written before it takes the place of the mark before.
    pub(super) fn draft(&self) -> PathBuf {
        self.directory.join(DRAFT)
    }

    /// The folder that takes what was there.
    pub(super) fn aside(&self) -> PathBuf {
        self.directory.join(&self.aside)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.join(NAME)
    }

    pub(super) fn text(&self) -> String {
        format!("{} {}\n", self.phase.word(), self.aside)
    }
}

/// Passes a directory in which no copies were left half in place.
///
/// # Errors
/// `UnfinishedRestore`.
pub(in crate::sqlite) fn refuse_unfinished(directory: &Path) -> Result<(), Error> {
    match Marker::find(directory)? {
        None => Ok(()),
        Some(_) => Err(Error::UnfinishedRestore { directory: directory.to_owned() }),
    }
}

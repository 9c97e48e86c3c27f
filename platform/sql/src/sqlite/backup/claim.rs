use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::marker::{Marker, Phase};
use crate::Error;
use crate::sqlite::failure::from_io;
use crate::sqlite::lock::Lock;

/// What belongs to the database `users` besides `users.db`.
const ENDINGS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Keeps every process from opening the databases of a directory, until dropped.
pub struct Claim {
    directory: PathBuf,
    names: Vec<&'static str>,
    _locks: Vec<Lock>,
}

impl Claim {
    /// Takes the locks of the databases `names` in `directory`, which is made if absent.
    ///
    /// # Errors
    /// `AlreadyOpen` if a process has one of them open; `ReadOnly`, `Full`.
    pub fn take(directory: &Path, names: &[&'static str]) -> Result<Self, Error> {
        let locks = names.iter().map(|name| Lock::hold(directory, name)).collect::<Result<_, _>>()?;
        Ok(Self { directory: directory.to_owned(), names: names.to_vec(), _locks: locks })
    }

    /// Whether an earlier [`Claim::replace`] here was cut short, so that the data is neither the old nor the new.
    ///
    /// # Errors
    /// `ReadOnly`, `Corrupt` if that cannot be read.
    pub fn is_unfinished(&self) -> Result<bool, Error> {
        Ok(Marker::find(&self.directory)?.is_some())
    }

    /// What there is of the databases and of `beside`, files and folders derived from them: names in the directory.
    ///
    /// # Errors
    /// `ReadOnly` if the directory cannot be read.
    pub fn present(&self, beside: &[&str]) -> Result<Vec<String>, Error> {
        let names = self.names.iter().flat_map(|name| ENDINGS.map(|ending| format!("{name}.db{ending}")));
        let names = names.chain(beside.iter().map(|name| (*name).to_owned()));
        let mut found = Vec::new();
        for name in names {
            let path = self.directory.join(&name);
            if path.try_exists().map_err(|error| from_io(&error, &path))? {
                found.push(name);
            }
        }
        Ok(found)
    }

    /// Puts the files of the folder `staged`, which is in the directory, in the place of the databases; what was there
    /// of them and of `beside` goes to the new folder `aside` in the directory. Nothing is removed but what an earlier
    /// attempt had put in place.
    ///
    /// If it is cut short, nobody can open the data, and the next call brings it to its end. All is on the disk when it
    /// answers. Blocks. Gives the folder that took what was there, if there was anything.
    ///
    /// # Errors
    /// `Full`, `ReadOnly`.
    pub fn replace(&self, staged: &Path, aside: &str, beside: &[&str]) -> Result<Option<PathBuf>, Error> {
        self.replace_by(staged, aside, beside, &mut Step::take)
    }

    /// As [`Claim::replace`]; `take` takes each step.
    fn replace_by(
        &self,
        staged: &Path,
        aside: &str,
        beside: &[&str],
        take: &mut dyn FnMut(Step) -> io::Result<()>,
    ) -> Result<Option<PathBuf>, Error> {
        let found = Marker::find(&self.directory)?;
        let begun = found.is_some();
        let marker = found.unwrap_or_else(|| Marker::new(&self.directory, aside));
        let aside = marker.aside();
        let present = self.present(beside)?.into_iter().map(|name| self.directory.join(name));
        let mut steps = Vec::new();
        match marker.phase {
            // What is there was put there by the attempt before.
            Phase::Placing => steps.extend(present.map(Step::Drop)),
            Phase::Clearing => {
                if !begun && aside.exists() {
                    let detail = format!("{} is there already", aside.display());
                    return Err(Error::ReadOnly { detail });
                }
                steps.push(Step::Mark(marker.clone()));
                let moves: Vec<Step> = present.map(|path| Step::into(path, &aside)).collect();
                steps.extend((!moves.is_empty()).then(|| Step::Make(aside.clone())));
                steps.extend(moves);
                steps.push(Step::Mark(marker.clone().placing()));
            }
        }
        let new = fs::read_dir(staged).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let new = new.map_err(|error| from_io(&error, staged))?;
        steps.extend(new.into_iter().map(|entry| Step::into(entry.path(), &self.directory)));
        steps.push(Step::Unmark(marker));
        steps.into_iter().try_for_each(take).map_err(|error| from_io(&error, &self.directory))?;
        Ok(aside.exists().then_some(aside))
    }
}

/// One step of a replacement; a process may end between any two.
enum Step {
    /// Says how far it is; from the first mark on, the data is neither old nor new.
    Mark(Marker),
    /// Makes the folder for what was there, unless an earlier attempt did.
    Make(PathBuf),
    /// Moves a file or folder.
    Move { from: PathBuf, to: PathBuf },
    /// Removes a copy that an earlier attempt put in place.
    Drop(PathBuf),
    /// Says that the data is whole.
    Unmark(Marker),
}

impl Step {
    fn into(from: PathBuf, folder: &Path) -> Self {
        let to = folder.join(from.file_name().unwrap_or_default());
        Self::Move { from, to }
    }

    fn take(self) -> io::Result<()> {
        match self {
            Self::Make(folder) => fs::create_dir_all(folder),
            Self::Mark(marker) => {
                // What was moved so far is on the disk before the mark says so.
                if marker.aside().exists() {
                    sync(&marker.aside())?;
                }
                sync(marker.directory())?;
                let mut file = File::create(marker.draft())?;
                file.write_all(marker.text().as_bytes())?;
                file.sync_all()?;
                fs::rename(marker.draft(), marker.path())?;
                sync(marker.directory())
            }
            Self::Move { from, to } => fs::rename(from, to),
            Self::Drop(path) if path.is_dir() => fs::remove_dir_all(path),
            Self::Drop(path) => fs::remove_file(path),
            Self::Unmark(marker) => {
                sync(marker.directory())?;
                fs::remove_file(marker.path())?;
                sync(marker.directory())
            }
        }
    }
}

/// Brings the names in a folder to the disk.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tempfile::TempDir;

    use super::*;

    const NAMES: [&str; 3] = ["users", "orders", "book"];

    fn write(folder: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("below a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
    }

    /// A directory with old data, and new data staged in it.
    fn directory() -> TempDir {
        let directory = TempDir::new().expect("a folder");
        let old = [
            ("users.db", "old u"),
            ("users.db-wal", "old log"),
            ("orders.db", "old o"),
            ("search/meta", "old s"),
        ];
        write(directory.path(), &old);
        write(directory.path(), &[("password", "mine")]);
        directory
    }

    fn stage(directory: &Path) -> PathBuf {
        let new = [
            ("restore.part/users.db", "new u"),
            ("restore.part/orders.db", "new o"),
            ("restore.part/book.db", "new b"),
        ];
        write(directory, &new);
        directory.join("restore.part")
    }

    /// Every file below a folder but the locks.
    fn files(folder: &Path) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(folder).expect("readable") {
            let entry = entry.expect("readable");
            let name = entry.file_name().into_string().expect("plain");
            if entry.path().is_dir() {
                found.extend(
                    files(&entry.path()).into_iter().map(|(file, text)| (format!("{name}/{file}"), text)),
                );
            } else if !name.ends_with(".lock") {
                found.insert(name, fs::read_to_string(entry.path()).expect("text"));
            }
        }
        found
    }

    /// Replaces until `steps` were taken, as if the process had ended then.
    fn replace(folder: &Path, aside: &str, steps: usize) -> Result<Option<PathBuf>, Error> {
        let claim = Claim::take(folder, &NAMES).expect("nobody has it");
        let mut left = steps;
        claim.replace_by(&stage(folder), aside, &["search"], &mut |step| {
            left = left.checked_sub(1).ok_or_else(|| io::Error::other("killed"))?;
            step.take()
        })
    }

    /// What a directory that can be opened holds is all old, or all new with the old in one folder.
    fn assert_old_or_new(folder: &Path) {
        let mut found = files(folder);
        found.retain(|name, _| !name.starts_with("restore.part/"));
        let of = |wanted: &str| {
            let texts = found.iter().filter(|(_, text)| text.starts_with(wanted));
            texts.map(|(name, _)| name.as_str()).collect::<Vec<_>>()
        };
        let old = ["orders.db", "search/meta", "users.db", "users.db-wal"];
        if found["users.db"] == "old u" {
            assert_eq!((of("old"), of("new")), (old.to_vec(), Vec::new()));
        } else {
            let (aside, _) = of("old")[0].split_once('/').expect("in a folder");
            assert_eq!(of("old"), old.map(|name| format!("{aside}/{name}")));
            assert_eq!(of("new"), ["book.db", "orders.db", "users.db"]);
        }
        assert_eq!(of("mine"), ["password"]);
    }

    #[test]
    fn a_replacement_cut_short_anywhere_is_brought_to_its_end_by_the_next() {
        let mut cuts = 0;
        let seconds = [0, 1, 3, 6, 8, 11, 13];
        for (first, second) in (0..15).flat_map(|first| seconds.map(move |second| (first, second))) {
            let directory = directory();
            let folder = directory.path();
            for (aside, steps) in [("aside-1", first), ("aside-2", second), ("aside-3", usize::MAX)] {
                let ended = replace(folder, aside, steps);
                // Unfinished, it is not opened; what can be opened is whole.
                match Lock::take(folder, "users") {
                    Ok(_) => assert_old_or_new(folder),
                    Err(error) => {
                        assert!(
                            matches!(error, Error::UnfinishedRestore { .. }) && ended.is_err(),
                            "{error}"
                        );
                        cuts += 1;
                    }
                }
                if let Ok(old) = ended {
                    assert!(old.is_some_and(|old| old.join("search/meta").exists()));
                    assert_eq!(files(folder)["users.db"], "new u");
                    break;
                }
            }
            assert_old_or_new(folder);
        }
        assert!(cuts > 80, "{cuts} cuts");
    }

    #[test]
    fn into_an_empty_directory_nothing_goes_aside() {
        let directory = TempDir::new().expect("a folder");
        for steps in [1, 2, 3, 4, usize::MAX] {
            let ended = replace(directory.path(), "aside", steps);
            assert_eq!(ended.ok(), (steps > 10).then_some(None));
        }
        let found: Vec<_> = files(directory.path()).into_keys().collect();
        assert_eq!(found, ["book.db", "orders.db", "users.db"]);
    }

    #[test]
    fn a_marker_that_no_restore_wrote_is_not_followed() {
        let directory = directory();
        for text in ["", "clearing", "clearing ", "clearing ../x", "clearing ..", "eating aside"] {
            write(directory.path(), &[("restore.unfinished", text)]);
            let refused = replace(directory.path(), "aside", usize::MAX);
            assert!(matches!(refused, Err(Error::Corrupt { .. })), "{text}");
            assert!(Lock::take(directory.path(), "users").is_err());
        }
        assert_eq!(files(directory.path())["users.db"], "old u");
    }
}

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use shoal_types::Env;

use super::{Bundle, IdentityError};

/// How often a bundle is looked at for changes. It is a kilobyte.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Read and written by its owner, by nobody else.
const MODE: u32 = 0o600;

const HEAD: &str = "# The secret of a Shoal cluster. Whoever has this file can join the cluster as any node: keep it to yourself.\n";

impl Bundle {
    /// Reads a bundle and checks that its parts fit together. Warns if others than its owner can read the file.
    ///
    /// # Errors
    /// `Missing`, `Unreadable`, `Malformed`, `Inconsistent`.
    pub fn load(path: &Path, env: &Env) -> Result<Self, IdentityError> {
        let (text, mode) = read(path)?;
        if mode & 0o077 != 0 {
            tracing::warn!(path = %path.display(), "others than its owner can read the cluster's secret");
        }
        Self::parse(&text, env)
    }

    /// Tells `changed` of each further bundle that is put at `path` after `present`, at most five seconds later, for
    /// ever: spawn it, and drop it to end it. What cannot be read or used is logged once and the one before stays.
    pub async fn follow(path: PathBuf, present: Self, env: Env, mut changed: impl FnMut(&Self)) {
        let (mut present, mut seen) = (present, None);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let read = read(&path).map(|(text, _)| text);
            if seen.as_ref() == Some(&read) {
                continue;
            }
            match read.clone().and_then(|text| Self::parse(&text, &env)) {
                Ok(bundle) if bundle != present => {
                    changed(&bundle);
                    present = bundle;
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "the changed cluster bundle is not used"),
            }
            seen = Some(read);
        }
    }

    /// Writes the bundle for its owner alone, in the place of one that is there. A crash leaves the one or the other.
    ///
    /// # Errors
    /// `Unwritable`.
    pub fn save(&self, path: &Path) -> Result<(), IdentityError> {
        self.write(path, |written| fs::rename(written, path))
    }

    /// As [`Bundle::save`], where there is none yet.
    ///
    /// # Errors
    /// `Exists`, `Unwritable`.
    pub fn save_new(&self, path: &Path) -> Result<(), IdentityError> {
        self.write(path, |written| fs::hard_link(written, path))
    }

    /// Reads the text of a bundle. Its errors quote nothing of it.
    fn parse(text: &str, env: &Env) -> Result<Self, IdentityError> {
        let malformed = |error: toml::de::Error| {
            let before = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(before).filter(|byte| *byte == b'\n').count();
            IdentityError::Malformed { line }
        };
        let bundle: Self = toml::from_str(text).map_err(malformed)?;
        bundle.check(env)?;
        Ok(bundle)
    }

    /// Writes the bundle beside `path`; `place` puts it there.
    fn write(&self, path: &Path, place: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), IdentityError> {
        let text = toml::to_string(self).expect("a bundle is plain data");
        let beside = beside(path);
        let written =
            write_new(&beside, &text).and_then(|()| place(&beside)).and_then(|()| sync_folder(path));
        // After a rename there is nothing left to remove.
        let _ = fs::remove_file(&beside);
        written.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => IdentityError::Exists { path: path.display().to_string() },
            _ => IdentityError::Unwritable { path: path.display().to_string(), reason: error.to_string() },
        })
    }
}

/// The text and the mode of a file.
fn read(path: &Path) -> Result<(String, u32), IdentityError> {
    let shown = || path.display().to_string();
    let read = File::open(path).and_then(|file| {
        let mode = file.metadata()?.permissions().mode();
        Ok((io::read_to_string(file)?, mode))
    });
    read.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => IdentityError::Missing { path: shown() },
        _ => IdentityError::Unreadable { path: shown(), reason: error.to_string() },
    })
}

/// A name of this process's own in the same folder.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    // What a crash of a process of this number left behind is not worth keeping.
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    file.write_all(HEAD.as_bytes())?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use shoal_types::Env;

use super::{Bundle, IdentityError};

/// Read and written by its owner, by nobody else.
const MODE: u32 = 0o600;

const HEAD: &str = "# The secret of a Shoal cluster. Whoever has this file can join the cluster as any node: keep it to yourself.\n";

impl Bundle {
    /// Reads a bundle and checks that its parts fit together. Warns if others than its owner can read the file.
    ///
    /// # Errors
    /// `Missing`, `Unreadable`, `Malformed`, `Inconsistent`.
    pub fn load(path: &Path, env: &Env) -> Result<Self, IdentityError> {
        let (shown, unreadable) = (path.display().to_string(), |reason: String| {
            let path = path.display().to_string();
            IdentityError::Unreadable { path, reason }
        });
        let read = File::open(path).and_then(|file| {
            let mode = file.metadata()?.permissions().mode();
            Ok((io::read_to_string(file)?, mode))
        });
        let (text, mode) = match read {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(IdentityError::Missing { path: shown });
            }
            Err(error) => return Err(unreadable(error.to_string())),
        };
        if mode & 0o077 != 0 {
            tracing::warn!(path = shown, "others than its owner can read the cluster's secret");
        }
        let bundle = Self::parse(&text)?;
        bundle.check(env)?;
        Ok(bundle)
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
    fn parse(text: &str) -> Result<Self, IdentityError> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let before = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(before).filter(|byte| *byte == b'\n').count();
            IdentityError::Malformed { line }
        })
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

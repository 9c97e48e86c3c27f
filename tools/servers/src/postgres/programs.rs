use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the folder with the server's programs.
const VARIABLE: &str = "SHOAL_TEST_POSTGRES_BIN";
/// Debian and its kin put each version into a folder of its own, outside `PATH`.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The folder with `postgres` and `initdb`.
pub(super) fn folder() -> io::Result<PathBuf> {
    if let Some(said) = env::var_os(VARIABLE) {
        let folder = PathBuf::from(said);
        let missing =
            || format!("{VARIABLE} is {}, which does not hold postgres and initdb", folder.display());
        return if is_server(&folder) { Ok(folder) } else { Err(not_found(missing())) };
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = newest_first(Path::new(VERSIONS));
    folders.extend(configured());
    folders.extend(env::split_paths(&path));
    folders.into_iter().find(|folder| is_server(folder)).ok_or_else(|| {
        not_found(format!(
            "PostgreSQL's server is missing: run `sudo apt-get install -y postgresql`, or name the folder of its \
             programs in {VARIABLE}"
        ))
    })
}

/// `psql`, which may be installed apart from the server.
pub(super) fn psql(folder: &Path) -> OsString {
    let beside = folder.join("psql");
    if beside.is_file() { beside.into() } else { "psql".into() }
}

fn not_found(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, message)
}

fn is_server(folder: &Path) -> bool {
    ["postgres", "initdb"].iter().all(|program| folder.join(program).is_file())
}

/// The programs of each version in `versions`.
fn newest_first(versions: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(versions).into_iter().flatten().flatten();
    let mut found: Vec<(Vec<u32>, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version: Option<Vec<u32>> = name.split('.').map(|part| part.parse().ok()).collect();
            Some((version?, entry.path().join("bin")))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}

fn configured() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["9.6", "10", "17", "common"] {
            fs::create_dir_all(folder.path().join(name)).expect("it can be written");
        }
        let expected = ["17/bin", "10/bin", "9.6/bin"].map(|name| folder.path().join(name));
        assert_eq!(newest_first(folder.path()), expected);
        assert_eq!(newest_first(&folder.path().join("gone")), Vec::<PathBuf>::new());
    }
}

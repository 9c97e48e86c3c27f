//! The program of an earlier revision, which tests run beside the one of today: in a folder of its own, from the history.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use crate::suite::cargo;

/// Names the revision.
const REVISION: &str = "tools/testkit/other_build.toml";
/// Where it is built. Its artifacts and ours must not meet: both have crates of the same names.
const FOLDER: &str = "target/other-build";

/// Why there is no such program.
pub(crate) enum Absent {
    /// It cannot be made here; what is missing.
    Missing(String),
    /// It does not build.
    Broken,
}

/// Makes the program, unless it is there.
///
/// # Errors
/// If a file or a command cannot be used at all.
pub(crate) fn program(root: &Path) -> io::Result<Result<PathBuf, Absent>> {
    let revision = revision(&fs::read_to_string(root.join(REVISION))?)?;
    let folder = root.join(FOLDER);
    let program = folder.join(format!("shoal-{revision}"));
    if program.exists() {
        return Ok(Ok(program));
    }
    if !has(root, &revision) {
        let missing = format!("no revision {revision} in the history: run `git fetch --unshallow`");
        return Ok(Err(Absent::Missing(missing)));
    }
    // What an earlier try or revision left.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let (source, target) = (folder.join("source"), folder.join("target"));
    fs::create_dir_all(&source)?;
    unpack(root, &revision, &folder, &source)?;
    if !build(&source, &target)? {
        return Ok(Err(Absent::Broken));
    }
    fs::rename(target.join("debug/shoal"), &program)?;
    // The program is all that is needed; the rest is several hundred MB.
    fs::remove_dir_all(&target)?;
    fs::remove_dir_all(&source)?;
    Ok(Ok(program))
}

fn revision(text: &str) -> io::Result<String> {
    let table: toml::Table =
        text.parse().map_err(|error| io::Error::other(format!("{REVISION}: {error}")))?;
    let revision = table.get("revision").and_then(toml::Value::as_str).unwrap_or_default();
    if revision.len() != 40 || !revision.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(io::Error::other(format!(
            "{REVISION}: `revision` is a whole commit id, not `{revision}`"
        )));
    }
    Ok(revision.to_owned())
}

/// Whether git is there, and the revision with all its files.
fn has(root: &Path, revision: &str) -> bool {
    let mut look = git(root, &["cat-file", "-e", &format!("{revision}^{{tree}}")]);
    look.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Its files, without a trace in the repository.
fn unpack(root: &Path, revision: &str, folder: &Path, source: &Path) -> io::Result<()> {
    let archive = folder.join("source.tar");
    run(git(root, &["archive", "--format=tar", revision, "--output"]).arg(&archive))?;
    run(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(source))?;
    fs::remove_file(archive)
}

/// Only the program, and without what a debugger needs: it is run, not looked into.
fn build(source: &Path, target: &Path) -> io::Result<bool> {
    let mut build = cargo(source);
    build.args(["build", "--locked", "--package", "shoal-node", "--bin", "shoal"]);
    build.env("CARGO_TARGET_DIR", target).env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "0");
    build.env("CARGO_PROFILE_DEV_STRIP", "symbols");
    Ok(build.status()?.success())
}

fn git(root: &Path, arguments: &[&str]) -> Command {
    let mut git = Command::new("git");
    git.current_dir(root).args(arguments);
    git
}

fn run(command: &mut Command) -> io::Result<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{command:?}: {status}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revision_is_a_whole_id() {
        let id = "0123456789012345678901234567890123456789";
        assert_eq!(revision(&format!("revision = \"{id}\"")).expect("it is one"), id);
        for text in ["", "revision = 7", "revision = \"main\"", "revision = \"--output=x\""] {
            assert!(revision(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_revision_that_is_not_there_is_not_built() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(!has(root, "0123456789012345678901234567890123456789"));
    }
}

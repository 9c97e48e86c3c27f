//! The generated description of the API in docs/api, kept in the repository so that a change of the API is seen in
//! its diff.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use crate::steps::Outcome;
use crate::suite::cargo;

const FILE: &str = "docs/api/openapi.json";

/// Builds the program `shoal` and answers where it is.
pub(crate) fn shoal(root: &Path) -> io::Result<PathBuf> {
    if !cargo(root).args(["build", "--package", "shoal-node"]).status()?.success() {
        return Err(io::Error::other("shoal does not build"));
    }
    // It stands beside this program in cargo's target folder.
    Ok(env::current_exe()?.with_file_name("shoal"))
}

fn generated(root: &Path) -> io::Result<Vec<u8>> {
    let output = Command::new(shoal(root)?).arg("openapi").stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("shoal openapi ended with {}", output.status)));
    }
    Ok(output.stdout)
}

/// Writes the description below `root`.
pub(crate) fn write(root: &Path) -> io::Result<()> {
    let file = root.join(FILE);
    fs::create_dir_all(file.with_file_name(""))?;
    fs::write(file, generated(root)?)
}

/// Whether the description in the repository is the one the code gives.
pub(crate) fn check(root: &Path) -> io::Result<Outcome> {
    let kept = fs::read(root.join(FILE)).unwrap_or_default();
    if kept == generated(root)? {
        return Ok(Outcome::Passed);
    }
    println!("{FILE} is not what the code gives: run `cargo xtask openapi` and look at its diff");
    Ok(Outcome::Failed)
}

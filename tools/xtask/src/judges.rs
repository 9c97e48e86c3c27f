//! The Python libraries that judge events in tests: the official one of CloudEvents, and one for JSON Schemas.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::needs::{apt, works};

/// With the versions they were tried with. The last lets the second judge times.
const LIBRARIES: &[&str] = &["cloudevents==2.2.0", "jsonschema==4.26.0", "rfc3339-validator==0.1.4"];

/// Makes sure of the libraries in an environment of their own below `root`, where the tests look for them.
///
/// # Errors
/// What is missing and the command that mends it.
pub(crate) fn ready(root: &Path) -> Result<(), String> {
    let folder = root.join("target/tools/judges");
    // Says what is in it, so that other versions are installed anew.
    let (list, made_of) = (LIBRARIES.join(" "), folder.join("made-of"));
    if fs::read_to_string(&made_of).is_ok_and(|there| there == list) {
        return Ok(());
    }
    if !works("python3", &["-c", "import venv, ensurepip"]) {
        apt("Python with venv", &["python3", "python3-venv"])?;
    }
    let mut install = Command::new(folder.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check"]).args(LIBRARIES);
    let made = run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)) && run(&mut install);
    if !made {
        let folder = folder.display();
        return Err(format!(
            "what judges events is missing: run `python3 -m venv --clear {folder} && {folder}/bin/pip install {list}`"
        ));
    }
    fs::write(&made_of, list).map_err(|error| format!("{}: {error}", made_of.display()))
}

fn run(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}

//! What the tests need beyond Rust: installed where this process may, named with its command where not.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use shoal_servers::{Nats, Postgres};

/// The tool that tests the API from its description, with the version the settings were made for.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// The official library of Standard Webhooks, which judges what is sent.
const STANDARD_WEBHOOKS: &str = "standardwebhooks==1.1.0";
/// A mail server for the tests of mails.
const AIOSMTPD: &str = "aiosmtpd==1.4.6";
/// Where Debian's packages of PostgreSQL read whether to make and start a server when they are installed.
const DEFAULT_SERVER: &str = "/etc/postgresql-common/createcluster.conf";

/// A collector of traces, which the tests of traces send theirs through.
const ROTEL: &str = "rotel==0.0.1a15";

/// Whether the command can be started and succeeds; its output is not shown.
pub(crate) fn works(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Makes sure of a C compiler, which SQLite is built with.
///
/// # Errors
/// The command that installs it.
pub(crate) fn compiler() -> Result<(), String> {
    if works("cc", &["--version"]) {
        return Ok(());
    }
    apt("a C compiler", &["build-essential"])
}

/// Makes sure of strace, which tells the tests of power cuts what the program writes and syncs.
///
/// # Errors
/// What is missing and the command that installs it.
pub(crate) fn strace() -> Result<(), String> {
    if works("strace", &["-V"]) {
        return Ok(());
    }
    apt("strace", &["strace"])
}

/// Makes sure of the programs that make hosts of their own for the tests.
///
/// # Errors
/// What is missing and the command that installs it.
pub(crate) fn hosts() -> Result<(), String> {
    if works("ip", &["-Version"]) && works("tc", &["-Version"]) {
        return Ok(());
    }
    apt("iproute2", &["iproute2"])
}

/// Makes sure of PostgreSQL's server, without starting one.
///
/// # Errors
/// What is missing and the command that installs it.
pub(crate) fn postgres() -> Result<(), String> {
    let Err(missing) = Postgres::programs() else { return Ok(()) };
    let may_install = is_root().unwrap_or(false) && works("apt-get", &["--version"]);
    if !may_install || std::env::var_os("SHOAL_TEST_POSTGRES_BIN").is_some() {
        return Err(missing.to_string());
    }
    apt("what PostgreSQL's packages share", &["postgresql-common"])?;
    without_default_server(|| apt("PostgreSQL's server", &["postgresql"]))?;
    Postgres::programs().map(drop).map_err(|error| error.to_string())
}

/// Makes sure of the NATS server; tests start their own.
///
/// # Errors
/// What is missing and the command that installs it.
pub(crate) fn nats() -> Result<(), String> {
    let Err(missing) = Nats::program() else { return Ok(()) };
    if std::env::var_os("SHOAL_TEST_NATS_SERVER").is_some() {
        return Err(missing.to_string());
    }
    apt("the NATS server", &["nats-server"])?;
    Nats::program().map(drop).map_err(|error| error.to_string())
}

/// Installs a server while the packages are told not to make one; what they are told otherwise stays as it was.
fn without_default_server(install: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let failed = |error: io::Error| format!("{DEFAULT_SERVER}: {error}");
    let before = fs::read_to_string(DEFAULT_SERVER).map_err(failed)?;
    fs::write(DEFAULT_SERVER, format!("{before}\ncreate_main_cluster = false\n")).map_err(failed)?;
    let installed = install();
    fs::write(DEFAULT_SERVER, before).map_err(failed)?;
    installed
}

/// Makes sure of schemathesis in an environment of its own below `root`, and answers where it is.
///
/// # Errors
/// What is missing and the command that mends it.
pub(crate) fn schemathesis(root: &Path) -> Result<PathBuf, String> {
    let folder = root.join("target/tools/schemathesis");
    let program = folder.join("bin/schemathesis");
    let version = SCHEMATHESIS.split('=').next_back().unwrap_or_default();
    if has_version(&program, version) {
        return Ok(program);
    }
    if environment(&folder, SCHEMATHESIS)? && has_version(&program, version) {
        return Ok(program);
    }
    Err(by_hand(&folder, SCHEMATHESIS))
}

/// Makes sure of rotel in an environment of its own below `root`.
///
/// # Errors
/// What is missing and the command that mends it.
pub(crate) fn rotel(root: &Path) -> Result<(), String> {
    let folder = root.join("target/tools/rotel");
    let packed = format!("{}.dist-info", ROTEL.replace("==", "-"));
    let is_there = || {
        let pythons = fs::read_dir(folder.join("lib")).into_iter().flatten().filter_map(Result::ok);
        pythons.into_iter().any(|python| python.path().join("site-packages").join(&packed).exists())
    };
    if is_there() || environment(&folder, ROTEL)? && is_there() {
        return Ok(());
    }
    Err(by_hand(&folder, ROTEL))
}

/// Makes an environment of Python's with this package. Whether that went well.
fn environment(folder: &Path, package: &str) -> Result<bool, String> {
    if !works("python3", &["-c", "import venv, ensurepip"]) {
        apt("Python with venv", &["python3", "python3-venv"])?;
    }
    let mut install = Command::new(folder.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check", package]);
    Ok(run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder)) && run(&mut install))
}

fn by_hand(folder: &Path, package: &str) -> String {
    let (name, folder) = (package.split('=').next().unwrap_or_default(), folder.display());
    format!("{name} is missing: run `python3 -m venv --clear {folder} && {folder}/bin/pip install {package}`")
}

/// Makes sure of the official library of Standard Webhooks, where the tests of webhooks look for it.
///
/// # Errors
/// What is missing and the command that mends it.
pub(crate) fn standard_webhooks(root: &Path) -> Result<(), String> {
    let folder = root.join("target/tools/receivers");
    let there = || {
        let python = folder.join("bin/python");
        works(&python.to_string_lossy(), &["-c", "import standardwebhooks"])
    };
    if there() {
        return Ok(());
    }
    if !works("python3", &["-c", "import venv, ensurepip"]) {
        apt("Python with venv", &["python3", "python3-venv"])?;
    }
    let install = ["install", "--quiet", "--disable-pip-version-check", STANDARD_WEBHOOKS];
    let made = run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
        && run(Command::new(folder.join("bin/pip")).args(install));
    if made && there() {
        return Ok(());
    }
    Err(format!(
        "{STANDARD_WEBHOOKS} is missing: run `python3 -m venv --clear {0} && {0}/bin/pip install {STANDARD_WEBHOOKS}`",
        folder.display()
    ))
}

fn has_version(program: &Path, version: &str) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(version))
}

/// Makes sure of a mail server in Python, to which the tests of mails send, where they look for it.
///
/// # Errors
/// What is missing and the command that mends it.
pub(crate) fn aiosmtpd(root: &Path) -> Result<(), String> {
    let folder = root.join("target/tools/sink");
    let there = || works(&folder.join("bin/python").to_string_lossy(), &["-c", "import aiosmtpd"]);
    if there() {
        return Ok(());
    }
    if !works("python3", &["-c", "import venv, ensurepip"]) {
        apt("Python with venv", &["python3", "python3-venv"])?;
    }
    let install = ["install", "--quiet", "--disable-pip-version-check", AIOSMTPD];
    let made = run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
        && run(Command::new(folder.join("bin/pip")).args(install));
    if made && there() {
        return Ok(());
    }
    let by_hand = format!("python3 -m venv --clear {0} && {0}/bin/pip install {AIOSMTPD}", folder.display());
    Err(format!("{AIOSMTPD} is missing: run `{by_hand}`"))
}

/// Installs packages of Debian or Ubuntu if this process may.
pub(crate) fn apt(what: &str, packages: &[&str]) -> Result<(), String> {
    let by_hand =
        format!("{what} is missing: run `sudo apt-get install -y {}`, then this again", packages.join(" "));
    if !works("apt-get", &["--version"]) {
        return Err(format!("{what} is missing: install it with your system's package manager"));
    }
    if !is_root().unwrap_or(false) {
        return Err(by_hand);
    }
    println!("installing {what}: {}", packages.join(" "));
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    let installed = run(Command::new("apt-get").args(["update", "-qq"])) && run(&mut install);
    if installed { Ok(()) } else { Err(by_hand) }
}

fn is_root() -> io::Result<bool> {
    Ok(Command::new("id").arg("-u").output()?.stdout.trim_ascii() == b"0")
}

fn run(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}

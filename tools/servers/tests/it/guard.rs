use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{installed, is_there, soon};

/// A process that has started a server, with a folder for the servers' folders.
struct Holder {
    process: Child,
    place: tempfile::TempDir,
}

impl Holder {
    /// The command that starts a server and waits, once it has said as much as `said`.
    fn start() -> Self {
        // Whoever the server runs as must be able to go there.
        let place =
            tempfile::Builder::new().permissions(open_to_all()).tempdir().expect("a temporary folder");
        let mut holder = Command::new(env!("CARGO_BIN_EXE_shoal-servers"));
        holder.arg("postgres").env("TMPDIR", place.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        Self { process: holder.spawn().expect("it starts"), place }
    }

    fn wait_for_url(&mut self) -> String {
        let output = self.process.stdout.as_mut().expect("it is piped");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("it says where the server is");
        line
    }

    fn kill(&mut self) {
        self.process.kill().expect("it is our child");
        self.process.wait().expect("it is our child");
    }

    /// The server's folder, once there is one.
    fn folder(&self) -> Option<PathBuf> {
        let mut entries = fs::read_dir(self.place.path()).expect("it can be read");
        entries.next().map(|entry| entry.expect("it can be read").path())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // A test that has killed it has nothing left to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn open_to_all() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o755)
}

fn first_process(folder: &Path) -> u32 {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).expect("the server runs");
    text.lines().next().expect("it has lines").parse().expect("the first is its id")
}

#[test]
fn a_server_ends_with_a_process_that_is_killed() {
    if !installed() {
        return;
    }
    let mut holder = Holder::start();
    assert!(holder.wait_for_url().starts_with("postgres://shoal:"));
    let folder = holder.folder().expect("the server has a folder");
    let server = first_process(&folder);
    assert!(is_there(server));

    holder.kill();
    soon("the server has ended", || !is_there(server));
    soon("its folder has gone", || !folder.exists());
}

#[test]
fn a_process_killed_while_it_makes_a_server_leaves_nothing() {
    if !installed() {
        return;
    }
    let mut holder = Holder::start();
    soon("the server is being made", || {
        holder.folder().is_some_and(|folder| folder.join("data/base").exists())
    });
    let folder = holder.folder().expect("it has just been seen");
    holder.kill();
    soon("its folder has gone", || !folder.exists());
}

#[test]
fn a_server_ends_at_the_end_of_standard_input() {
    if !installed() {
        return;
    }
    let mut holder = Holder::start();
    holder.wait_for_url();
    let folder = holder.folder().expect("the server has a folder");
    drop(holder.process.stdin.take());
    assert!(holder.process.wait().expect("it is our child").success());
    assert!(!folder.exists());
}

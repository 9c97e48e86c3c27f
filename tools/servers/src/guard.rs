use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::account::Account;
use crate::process::Process;
use crate::wait;

const SCRIPT: &str = include_str!("guard.sh");
/// Waits for the word to go; without it, when this process has ended meanwhile, the program never starts.
const WHEN_TOLD: &str = "read -r go && exec \"$@\" </dev/null";
/// The last lines of a log that an error shows.
const TAIL_LINES: usize = 30;

/// A folder, and the one process that may run in it. Both are gone when the guard is dropped, and soon after this
/// process has ended in any way.
///
/// That is done by a shell in a process group of its own, where signals to this process's group do not reach it. It
/// knows of the process before that runs its first instruction, so there is no moment in which it could be forgotten.
pub(crate) struct Guard {
    folder: PathBuf,
    account: Option<Account>,
    shell: Child,
    /// Closed by the kernel when this process ends, which is what the shell waits for.
    orders: Option<ChildStdin>,
    running: Option<(Child, Process)>,
}

impl Guard {
    /// Makes a folder in `place` whose name begins with `prefix`, and a guard of it.
    pub(crate) fn new(place: &Path, prefix: &str) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix(prefix)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(place)?;
        let account = Account::unprivileged(folder.path())?;
        if let Some(account) = account {
            account.own(folder.path())?;
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "shoal-guard"]).arg(folder.path()).process_group(0).current_dir("/");
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let orders = shell.stdin.take();
        Ok(Self { folder: folder.keep(), account, shell, orders, running: None })
    }

    /// The folder, which is gone when the guard is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the file or folder belong to who runs in this folder.
    pub(crate) fn own(&self, path: &Path) -> io::Result<()> {
        self.account.map_or(Ok(()), |account| account.own(path))
    }

    /// Writes a file that nobody else can read.
    pub(crate) fn write_secret(&self, name: &str, text: &[u8]) -> io::Result<PathBuf> {
        let path = self.folder.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        self.own(&path)?;
        Ok(path)
    }

    /// The command that [`start`](Self::start) and [`run`](Self::run) take, to add arguments to. Never run as root.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", WHEN_TOLD, "sh"]).arg(program).current_dir(&self.folder);
        // The caller's home holds settings of its own, which another account could not even read.
        command.env("HOME", &self.folder).env("LC_ALL", "C");
        if let Some(account) = self.account {
            account.run(&mut command);
        }
        command
    }

    /// Starts the one process. What it says is added to the log.
    ///
    /// # Errors
    /// If one runs already, or it cannot be started.
    pub(crate) fn start(&mut self, mut command: Command) -> io::Result<Process> {
        if self.process().is_some() {
            return Err(io::Error::other("it runs already"));
        }
        let log = File::options().create(true).append(true).open(self.log_path())?;
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let mut child = command.spawn()?;
        let told = child.stdin.take();
        let process = Process::of(child.id());
        let begun =
            process.ok_or_else(|| io::Error::other("/proc does not show processes: this needs Linux"));
        let begun = begun.and_then(|process| self.guard(process).map(|()| process));
        let begun = begun.and_then(|process| tell(told, "go").map(|()| process));
        match begun {
            Ok(process) => self.running = Some((child, process)),
            // Nobody told it to go, so it ends by itself.
            Err(_) => drop(child.wait()?),
        }
        begun
    }

    /// Makes the shell end this process after this one.
    fn guard(&mut self, process: Process) -> io::Result<()> {
        let Some(orders) = &mut self.orders else { return Err(io::Error::other("the guard has gone")) };
        writeln!(orders, "{} {}", process.id, process.began)
    }

    /// Runs a program to its end.
    ///
    /// # Errors
    /// With the end of the log if it fails or has not ended after `limit`.
    pub(crate) fn run(&mut self, command: Command, limit: Duration) -> io::Result<()> {
        let name = command.get_args().nth(3).map(|program| program.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        self.start(command)?;
        match self.ended(limit)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.error(&format!("{name} failed with {status}"))),
            None => Err(self.error(&format!("{name} took longer than {limit:?}"))),
        }
    }

    /// The process, if it has not ended.
    pub(crate) fn process(&mut self) -> Option<Process> {
        let (child, process) = self.running.as_mut()?;
        let process = *process;
        if let Ok(Some(_)) = child.try_wait() {
            self.running = None;
            return None;
        }
        Some(process)
    }

    /// Waits at most `limit` until the process has ended; how it did. `None` if it still runs, or none did.
    pub(crate) fn ended(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let Some((child, _)) = &mut self.running else { return Ok(None) };
        let mut status = None;
        wait::until(limit, || {
            status = child.try_wait()?;
            Ok(status.is_some())
        })?;
        if status.is_some() {
            self.running = None;
        }
        Ok(status)
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// All that the process has said; empty if nothing can be read.
    pub(crate) fn log(&self) -> String {
        fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// An error with the end of the log.
    pub(crate) fn error(&self, what: &str) -> io::Error {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
        io::Error::other(format!("{what}; the end of its log:\n{tail}"))
    }
}

/// Says one word and closes the pipe.
fn tell(pipe: Option<ChildStdin>, word: &str) -> io::Result<()> {
    pipe.map_or(Ok(()), |mut pipe| writeln!(pipe, "{word}"))
}

impl Drop for Guard {
    /// Errors are of no use to who drops it: what is still there is ended and removed by other means.
    fn drop(&mut self) {
        if let Some(process) = self.process() {
            let _ = process.resume();
        }
        drop(self.orders.take());
        let _ = self.shell.wait();
        if let Some((mut child, _)) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

//! The ground a rehearsal stands on: a folder, processes in it, and a keeper that ends them all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::packages::Account;

const KEEPER: &str = include_str!("keeper.sh");
/// The pause between two looks at something that is waited for.
const POLL: Duration = Duration::from_millis(100);

/// A folder of its own and who owns it. Nothing is left of either when it is dropped, nor when this program is killed.
pub(super) struct Rig {
    folder: PathBuf,
    account: Option<Account>,
    keeper: Keeper,
}

impl Rig {
    /// Makes the folder.
    pub(super) fn open() -> io::Result<Self> {
        let account = Account::unprivileged()?;
        let folder = std::env::temp_dir().join(format!("shoal-patroni-{}", std::process::id()));
        fs::create_dir(&folder)?;
        let rig = Self { keeper: Keeper::start(&folder)?, folder, account };
        rig.own(&rig.folder)?;
        rig.folder("log")?;
        Ok(rig)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// A new folder in it.
    pub(super) fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.folder.join(name);
        fs::create_dir(&folder)?;
        self.own(&folder)?;
        Ok(folder)
    }

    /// Makes a file readable by its owner only: it may hold passwords.
    pub(super) fn file(&self, path: &Path, text: &str) -> io::Result<()> {
        fs::write(path, text)?;
        self.own(path)
    }

    fn own(&self, path: &Path) -> io::Result<()> {
        let mode = if path.is_dir() { 0o755 } else { 0o600 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        self.account.map_or(Ok(()), |account| chown(path, Some(account.user), Some(account.group)))
    }

    /// A program as the unprivileged user, with nothing of this one's environment and no input.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        command.current_dir(&self.folder).stdin(Stdio::null());
        if let Some(account) = self.account {
            command.uid(account.user).gid(account.group);
        }
        command
    }

    /// Starts it in the background, out of reach of this terminal's Ctrl-C; its words go to the log of that name.
    pub(super) fn start(&mut self, name: &str, mut command: Command) -> io::Result<Running> {
        let output = File::options().append(true).create(true).open(self.log(name))?;
        let child = command.stdout(output.try_clone()?).stderr(output).process_group(0).spawn()?;
        let running = Running { name: name.to_owned(), child };
        self.keeper.keep(running.id())?;
        Ok(running)
    }

    /// What it has said so far.
    pub(super) fn said(&self, name: &str) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.log(name))?).into_owned())
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join("log").join(format!("{name}.log"))
    }

    /// Copies the logs to a folder that stays.
    pub(super) fn save_logs(&self, to: &Path) -> io::Result<()> {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(self.folder.join("log"))? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        Ok(())
    }
}

/// A process of the rig, ended with this value.
pub(super) struct Running {
    name: String,
    child: Child,
}

impl Running {
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// # Errors
    /// If it has ended.
    pub(super) fn check(&mut self) -> io::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(io::Error::other(format!("{} ended with {status}", self.name))),
        }
    }

    /// Asks it to end in good order and waits for that, at most `within`.
    pub(super) fn terminate(&mut self, within: Duration) -> io::Result<ExitStatus> {
        signal("TERM", &[self.id()])?;
        wait(&format!("{} ends", self.name), within, || self.child.try_wait())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.check().is_ok() {
            // With what it has started itself. Should this fail, the keeper ends it.
            let _ = kill_group("KILL", self.id());
        }
        let _ = self.child.wait();
    }
}

/// A shell that outlives this program for as long as it takes to end what it started.
struct Keeper {
    shell: Child,
    line: Option<ChildStdin>,
}

impl Keeper {
    fn start(folder: &Path) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(folder).process_group(0);
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let line = shell.stdin.take();
        Ok(Self { shell, line })
    }

    fn keep(&mut self, id: u32) -> io::Result<()> {
        self.line.as_mut().map_or(Ok(()), |line| writeln!(line, "{id}"))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.line.take());
        // It has nothing more to say than that it is done.
        let _ = self.shell.wait();
    }
}

/// Sends a signal to processes by their ids, to all at once.
pub(super) fn signal(name: &str, ids: &[u32]) -> io::Result<()> {
    let mut command = Command::new("sh");
    command.args(["-c", "signal=$1; shift; kill -s \"$signal\" \"$@\"", "kill", name]);
    command.args(ids.iter().map(u32::to_string));
    // Of many some may have ended meanwhile; what is there gets it all the same.
    command.stderr(Stdio::null()).status().map(drop)
}

/// Sends a signal to a process that was started by [`Rig::start`] and to what it has started itself.
fn kill_group(name: &str, id: u32) -> io::Result<()> {
    let mut command = Command::new("sh");
    command.args(["-c", "kill -s \"$1\" -- \"-$2\"", "kill", name, &id.to_string()]);
    command.stderr(Stdio::null()).status().map(drop)
}

/// Looks again and again until there is something, at most `within`.
///
/// # Errors
/// What was waited for, if it did not come.
pub(super) fn wait<T>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> io::Result<Option<T>>,
) -> io::Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if start.elapsed() > within {
            return Err(io::Error::other(format!("after {within:?} still not: {what}")));
        }
        thread::sleep(POLL);
    }
}

/// Free ports of this machine, each another.
pub(super) fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    let mut listeners = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

/// A password for one run.
pub(super) fn password() -> io::Result<String> {
    let mut bytes = [0; 16];
    io::Read::read_exact(&mut File::open("/dev/urandom")?, &mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(folder: &Path) -> Child {
        let mut command = Command::new("sleep");
        command.arg("60").current_dir(folder).process_group(0);
        command.spawn().expect("sleep is there")
    }

    #[test]
    fn the_keeper_ends_what_works_in_its_folder_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("shoal-keeper-{}", std::process::id()));
        fs::create_dir(&folder).expect("a new folder");
        let mut keeper = Keeper::start(&folder).expect("sh is there");
        let (mut ours, mut other) = (sleeper(&folder), sleeper(Path::new("/")));
        for child in [&ours, &other] {
            keeper.keep(child.id()).expect("the keeper listens");
        }
        drop(keeper);
        assert!(!folder.exists());
        assert!(!ours.wait().expect("our child").success());
        assert!(
            other.try_wait().expect("our child").is_none(),
            "an id that the system gave to somebody else"
        );
        other.kill().expect("our child");
        other.wait().expect("our child");
    }

    #[test]
    fn what_does_not_come_is_named() {
        let error = wait("the tide", Duration::ZERO, || Ok(None::<()>)).expect_err("it does not come");
        assert!(error.to_string().ends_with("still not: the tide"));
    }
}

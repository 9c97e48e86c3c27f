use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use super::operation::{INDEX_OF_LOG, RECORDED, Reader};
use super::recording::Recording;
use super::scratch::{PREFIX, scratch};
use super::trace;
use crate::build::program;
use crate::client::Whereabouts;
use crate::process::listen_for_address;
use crate::shop::SOON;

/// Longer than anything that is written at once, bytes.
const STRING_MAX: &str = "16777216";
/// Where the product house keeps its search index.
const SEARCH_INDEX: &str = "/search/";

/// Runs processes under strace and writes down what they do below a folder of its own, one after the other.
pub struct Recorder {
    root: TempDir,
    logs: TempDir,
    recording: Recording,
    lives: usize,
}

impl Recorder {
    /// Opens an empty folder.
    ///
    /// # Errors
    /// Why nothing can be recorded here: no strace, or no right to trace a process.
    pub fn new() -> Result<Self, String> {
        let folder = || TempDir::with_prefix(PREFIX).map_err(|error| error.to_string());
        let recorder = Self { root: folder()?, logs: folder()?, recording: Recording::default(), lives: 0 };
        let tried = strace(&recorder.logs.path().join("tried"), None).arg("true").output();
        match tried {
            Ok(Output { status, .. }) if status.success() => Ok(recorder),
            Ok(Output { stderr, .. }) => Err(String::from_utf8_lossy(&stderr).trim().to_owned()),
            Err(error) => Err(format!("strace: {error}")),
        }
    }

    /// Goes on where a recording ends, in a folder of its own.
    ///
    /// # Errors
    /// As [`Recorder::new`].
    pub fn resume(recording: Recording) -> Result<Self, String> {
        let recorder = Self { recording, root: scratch(), ..Self::new()? };
        let seen = recorder.recording.seen()?;
        seen.write_to(&recorder.root()).map_err(|error| error.to_string())?;
        Ok(recorder)
    }

    /// The folder that is watched: empty and durable when all begins.
    pub fn root(&self) -> PathBuf {
        self.root.path().canonicalize().expect("it is there")
    }

    /// Runs `program` to its end; what it wrote to standard output.
    ///
    /// # Panics
    /// If it fails, with what it said.
    pub fn run(&mut self, program: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> String {
        let log = self.log();
        let mut strace = strace(&log, None);
        let output = strace.arg(program).args(arguments).envs(environment.iter().copied()).output();
        let output = output.expect("strace can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.read(&log);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Starts `shoal serve` with these further arguments. If `dies_at` is given, the process is killed when one of
    /// its threads is about to make something durable for that many times.
    ///
    /// # Panics
    /// With what it says if it does not serve soon.
    pub async fn serve(&mut self, arguments: &[&str], dies_at: Option<u32>) -> Life {
        let log = self.log();
        let mut strace = strace(&log, dies_at);
        strace.arg(program()).args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        strace.env("SHOAL_CHECKOUT_WEBHOOK_SECRET", "nobody reports").env("SHOAL_LOG_LEVEL", "error");
        let strace = strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut life =
            Life { strace: strace.expect("strace can be started"), log, id: None, address: String::new() };
        let said = life.strace.stderr.take().expect("standard error is piped");
        let address = tokio::task::spawn_blocking(move || listen_for_address(said)).await;
        let address = address.expect("the listener did not panic");
        life.id = life.read_id();
        life.address = address.unwrap_or_else(|said| panic!("it does not serve; it said:\n{said}"));
        life
    }

    /// Waits until a process has ended, however it does, and adds what it did.
    ///
    /// # Panics
    /// If it does not end soon; it is killed then.
    pub async fn ended(&mut self, mut life: Life) {
        let (log, id) = (life.log.clone(), life.id.clone());
        let mut ended = tokio::task::spawn_blocking(move || life.strace.wait().expect("it is our child"));
        if tokio::time::timeout(SOON, &mut ended).await.is_err() {
            // Otherwise the thread would wait on, and the test with it.
            signal(id.as_deref(), "-KILL");
            panic!("the process had not ended within {SOON:?}");
        }
        self.read(&log);
    }

    /// All that was recorded.
    pub fn finish(self) -> Recording {
        self.recording
    }

    fn log(&mut self) -> PathBuf {
        self.lives += 1;
        self.logs.path().join(format!("life-{}", self.lives))
    }

    fn read(&mut self, log: &Path) {
        self.understand(log).unwrap_or_else(|why| panic!("{}: {why}", log.display()));
        std::fs::remove_file(log).expect("it was read");
    }

    /// Adds what a log says, and looks whether it explains the files that are there.
    fn understand(&mut self, log: &Path) -> Result<(), String> {
        let root = self.root();
        let text = File::open(log).map_err(|error| error.to_string())?;
        let calls = trace::calls(BufReader::new(text))?;
        let lines = calls.iter().flat_map(|call| [Some(call.entered), call.left]).flatten().max();
        let first = self.recording.end();
        let end = first + 2 * lines.unwrap_or_default() + 2;
        let mut operations = Reader::new(&root).operations(&calls, first)?;
        operations.retain(|operation| operation.left.is_some() || operation.happened(&root));
        for operation in &mut operations {
            operation.left.get_or_insert(end - 1);
        }
        self.recording.add(operations, end);
        let differences = self.recording.seen()?.differences(&root, INDEX_OF_LOG);
        let mut wrong = differences.map_err(|error| error.to_string())?;
        // A kill can meet the search index in the middle of a write, of which the log then has no length. Nothing is
        // promised of it: an index that is broken is filled anew.
        wrong.retain(|difference| !difference.contains(SEARCH_INDEX));
        if wrong.is_empty() { Ok(()) } else { Err(format!("the log misses something: {}", wrong.join("; "))) }
    }
}

/// A process that is recorded. It ends with this value, by its id and no other.
pub struct Life {
    strace: Child,
    log: PathBuf,
    id: Option<String>,
    address: String,
}

impl Life {
    /// Tells where it serves.
    pub fn found_at(&self, whereabouts: &Whereabouts) {
        whereabouts.moved_to(&self.address);
    }

    /// Asks it to end in good order.
    pub fn terminate(&self) {
        assert!(signal(self.id.as_deref(), "-TERM"), "SIGTERM reaches it");
    }

    /// Ends it at once, though what it wrote stays in the memory of the machine.
    pub fn kill_9(&self) {
        assert!(signal(self.id.as_deref(), "-KILL"), "SIGKILL reaches it");
    }

    /// The id of the process: strace begins each line with it, and the first line is the process itself.
    fn read_id(&self) -> Option<String> {
        let mut first = String::new();
        BufReader::new(File::open(&self.log).ok()?).take(64).read_line(&mut first).ok()?;
        first.split_once(' ').map(|(id, _)| id.to_owned())
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // Killing strace would leave the process running; killing the process ends strace too.
        if matches!(self.strace.try_wait(), Ok(None)) {
            signal(self.id.as_deref(), "-KILL");
            let _ = self.strace.wait();
        }
    }
}

/// Whether the signal reached the process with this id.
fn signal(id: Option<&str>, signal: &str) -> bool {
    let told = |id| Command::new("kill").args([signal, id]).status().is_ok_and(|told| told.success());
    id.is_some_and(told)
}

/// `strace`, ready for a program and its arguments.
fn strace(log: &Path, dies_at: Option<u32>) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-s", STRING_MAX, "-e", &format!("trace={RECORDED}"), "-o"]).arg(log);
    match dies_at {
        Some(times) => strace.args(["-e", &format!("inject=fdatasync:signal=KILL:when={times}")]),
        // Calls that are not recorded cost nothing then. Injected signals do not arrive with it.
        None => strace.arg("--seccomp-bpf"),
    };
    strace
}

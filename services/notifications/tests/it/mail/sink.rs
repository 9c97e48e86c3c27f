//! A mail server for tests: aiosmtpd, which says what it was sent.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A mail as the sink was sent it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Taken {
    pub(crate) sender: String,
    pub(crate) to: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) kind: String,
    pub(crate) parts: Vec<String>,
    pub(crate) plain: String,
    pub(crate) html: String,
    /// What Python's parser finds wrong with it.
    pub(crate) defects: Vec<String>,
    pub(crate) tls: bool,
    pub(crate) user: Option<String>,
    /// The longest line, in bytes.
    pub(crate) longest: usize,
}

impl Taken {
    /// A header that is there once.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        let value = found.next().unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        assert!(found.next().is_none(), "{name} twice in {:?}", self.headers);
        &value.1
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }
}

pub(crate) struct Sink {
    pub(crate) port: u16,
    lines: Lines<BufReader<ChildStdout>>,
    orders: ChildStdin,
    process: Child,
}

/// Python with aiosmtpd: where `cargo xtask test` puts it, or the one that a variable names.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("SHOAL_TEST_PYTHON").map(PathBuf::from);
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/sink/bin/python");
    let python = named.unwrap_or(made);
    let has_it = || {
        let mut command = std::process::Command::new(&python);
        command.args(["-c", "import aiosmtpd"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    has_it().then(|| python.clone())
}

impl Sink {
    /// A server that takes everything from anybody; `None`, said aloud, where Python or aiosmtpd is missing.
    pub(crate) async fn start() -> Option<Self> {
        Self::with(json!({})).await
    }

    /// A server with the settings that `sink.py` knows.
    pub(crate) async fn with(settings: Value) -> Option<Self> {
        let Some(python) = python() else {
            println!("skipped: no Python with aiosmtpd; `cargo xtask test` installs it");
            return None;
        };
        let mut process = Command::new(python)
            .args(["-c", include_str!("sink.py"), &settings.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("python starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let orders = process.stdin.take().expect("piped");
        let first = lines.next_line().await.expect("read").expect("it says its port");
        let port = serde_json::from_str::<Value>(&first).expect("JSON")["port"].as_u64();
        let port = port.and_then(|port| u16::try_from(port).ok()).expect("a port");
        Some(Self { port, lines, orders, process })
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(std::time::Duration::from_secs(30), self.lines.next_line()).await;
        line.expect("the sink says something within 30 s").expect("read").expect("the sink is there")
    }

    /// The next mail it takes.
    pub(crate) async fn take(&mut self) -> Taken {
        let line = self.line().await;
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The next mails it takes.
    pub(crate) async fn take_all(&mut self, count: usize) -> Vec<Taken> {
        let mut taken = Vec::new();
        for _ in 0..count {
            taken.push(self.take().await);
        }
        taken
    }

    /// What the next conversations meet.
    pub(crate) async fn meet(&mut self, order: &str) {
        self.orders.write_all(format!("{order}\n").as_bytes()).await.expect("written");
        assert!(self.line().await.contains("heard"));
    }

    /// Ends it; what it took and nobody has seen yet.
    pub(crate) async fn stop(mut self) -> Vec<Taken> {
        self.process.start_kill().expect("killed");
        self.process.wait().await.expect("ended");
        let mut rest = Vec::new();
        while let Ok(Some(line)) = self.lines.next_line().await {
            rest.push(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")));
        }
        rest
    }
}

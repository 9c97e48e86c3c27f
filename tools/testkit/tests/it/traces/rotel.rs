//! A collector that others wrote, between the nodes and ours. `cargo xtask test` installs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use shoal_testkit::{eventually, free_address};
use tokio::net::TcpStream;

use super::collector::Collector;

/// Takes spans and passes them on; ended once dropped.
pub(super) struct Rotel {
    child: Child,
    address: String,
}

/// Where it is installed, if it is.
pub(super) fn program() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let pythons = fs::read_dir(root.join("target/tools/rotel/lib")).ok()?;
    let agent = |python: fs::DirEntry| python.path().join("site-packages/rotel/rotel-agent");
    pythons.filter_map(Result::ok).map(agent).find(|agent| agent.exists())
}

impl Rotel {
    /// Starts it; it passes on to `collector`.
    pub(super) async fn start(program: &Path, collector: &Collector) -> Self {
        let address = free_address();
        let mut command = Command::new(program);
        command.args(["start", "--otlp-http-endpoint", &address, "--otlp-grpc-endpoint", &free_address()]);
        command.args(["--exporter", "otlp", "--otlp-exporter-protocol", "http"]);
        command.args(["--otlp-exporter-endpoint", &collector.endpoint()]);
        command.args(["--batch-timeout", "100ms"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn();
        let rotel = Self { child: child.expect("it can be started"), address };
        eventually("rotel listens", async || TcpStream::connect(&rotel.address).await.is_ok()).await;
        rotel
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

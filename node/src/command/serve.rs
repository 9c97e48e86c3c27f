use std::process::ExitCode;

use anyhow::Context;
use shoal_types::Env;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::wiring::Node;

/// Serves until SIGTERM or Ctrl-C, then drains; a second signal ends the process at once.
pub(crate) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let node = Node::start(&config, Env::system()).await?;
    if let Some(address) = node.address() {
        eprintln!("shoal serves http://{address}");
    }
    until_told_to_stop(node).await
}

/// Serves until told to stop, then drains.
pub(crate) async fn until_told_to_stop(node: Node) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be listened for")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("Ctrl-C cannot be listened for")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    eprintln!("shoal finishes what is under way; once more to stop at once");
    let drained = tokio::select! {
        drained = node.stop() => drained,
        _ = terminate.recv() => std::process::exit(130),
        _ = interrupt.recv() => std::process::exit(130),
    };
    if !drained {
        eprintln!("some requests were cut off: they took longer than http.drain_timeout");
    }
    Ok(ExitCode::SUCCESS)
}

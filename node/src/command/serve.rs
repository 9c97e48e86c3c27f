use std::process::ExitCode;

use anyhow::Context;
use shoal_types::Env;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Config;
use crate::serving::{Call, Node};

/// What this process is told from outside.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from here on. Whoever sees that a node serves may end it at once, so it comes before that.
    ///
    /// # Errors
    /// If this system cannot.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be listened for")?;
        let interrupt = signal(SignalKind::interrupt()).context("Ctrl-C cannot be listened for")?;
        Ok(Self { terminate, interrupt })
    }

    /// Waits until the process is told to stop.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Serves until SIGTERM or Ctrl-C, then drains; a second signal ends the process at once.
pub(crate) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let node = tokio::select! {
        node = Node::start(&config, Env::system()) => node?,
        () = signals.stop() => return Ok(ExitCode::SUCCESS),
    };
    if let Some(address) = node.address() {
        eprintln!("shoal serves http://{address}");
    }
    until_told_to_stop(node, signals).await
}

/// Serves until told to stop, here or by an operator elsewhere, then drains. A node that may not be what it is drains too,
/// and fails.
pub(crate) async fn until_told_to_stop(node: Node, mut signals: Signals) -> anyhow::Result<ExitCode> {
    let called = tokio::select! {
        () = signals.stop() => None,
        call = node.called() => Some(call),
    };
    eprintln!("shoal finishes what is under way; once more to stop at once");
    let mut stopping = std::pin::pin!(node.stop());
    // Whoever was called to end from elsewhere is told here for the first time, which changes nothing.
    let told = async {
        if called.is_some() {
            signals.stop().await;
        }
        signals.stop().await;
    };
    let drained = tokio::select! {
        drained = &mut stopping => drained,
        () = told => std::process::exit(130),
    };
    if !drained {
        eprintln!("some requests were cut off: they took longer than http.drain_timeout");
    }
    if let Some(Call::Ousted(conflict)) = called {
        return Err(conflict.into());
    }
    Ok(ExitCode::SUCCESS)
}

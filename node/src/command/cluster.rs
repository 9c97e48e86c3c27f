//! `shoal cluster`: a cluster on this machine, its secret, and how its nodes are.

mod drain;
mod fleet;
mod init;
mod place;
mod rotate;
mod status;
mod table;
mod up;

pub(super) use place::Place;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::config::Loaded;

/// Many nodes that are one shop.
#[derive(Debug, Args)]
pub(crate) struct ClusterCommand {
    #[command(subcommand)]
    command: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// Make the secret of a new cluster, which each of its nodes needs.
    Init(init::Init),
    /// Run a cluster on this machine: nodes, data and certificates of its own.
    Up(up::Up),
    /// Show the nodes and how they are.
    Status(status::Status),
    /// Let a node finish what it has begun, and end.
    Drain(drain::Drain),
    /// Take the next step of changing the cluster's keys.
    Rotate(rotate::Rotate),
}

impl ClusterCommand {
    /// `data` and `queue` are the flags as they were given, with the passwords that the configuration does not show.
    pub(crate) async fn run(
        self,
        loaded: Loaded,
        data: Option<String>,
        queue: Option<String>,
    ) -> anyhow::Result<ExitCode> {
        match self.command {
            Subject::Init(init) => init.run(),
            Subject::Up(up) => up.run(&loaded, data, queue).await,
            Subject::Status(status) => status.run(&loaded.config).await,
            Subject::Drain(drain) => drain.run(&loaded.config).await,
            Subject::Rotate(rotate) => rotate.run(),
        }
    }
}

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use shoal_net::identity::{Bundle, Rotation};
use shoal_types::Env;

/// Flags of `cluster rotate`.
#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// What is to be changed.
    #[arg(value_enum)]
    what: What,
    /// The cluster's secret.
    #[arg(value_name = "FILE", default_value = "cluster.toml")]
    file: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// The authority that signs the nodes' certificates.
    Ca,
    /// The key that seals what the nodes tell each other about themselves.
    GossipKey,
}

impl Rotate {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let env = Env::system();
        let bundle = Bundle::load(&self.file, &env)?;
        let (changed, step) = match self.what {
            What::Ca => {
                let changed = bundle.rotated_ca(&env);
                let step = changed.ca_rotation();
                (changed, step)
            }
            What::GossipKey => {
                let changed = bundle.rotated_gossip_key(&env);
                let step = changed.gossip_rotation();
                (changed, step)
            }
        };
        changed.save(&self.file)?;
        eprintln!("{}: {}", self.file.display(), told(step));
        Ok(ExitCode::SUCCESS)
    }
}

/// What was done, and what comes next.
fn told(step: Rotation) -> &'static str {
    match step {
        Rotation::Settled => "the old key is forgotten. Copy the file to each machine; then all is done",
        Rotation::Announced => {
            "a new key is known and not yet used. Copy the file to each machine; running nodes take it over within a \
             second. Then run this again"
        }
        Rotation::Switched => {
            "the new key is used and the old one still believed. Copy the file to each machine; when all nodes have \
             it, run this again"
        }
    }
}

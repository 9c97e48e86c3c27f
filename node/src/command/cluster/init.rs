use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use shoal_net::identity::Bundle;
use shoal_types::Env;

/// Flags of `cluster init`.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Write the secret here; nothing is overwritten.
    #[arg(value_name = "FILE", default_value = "cluster.toml")]
    file: PathBuf,
    /// Call the cluster this: letters, digits, dots, hyphens, underscores.
    #[arg(long, default_value = "shoal")]
    name: String,
}

impl Init {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        Bundle::create(&self.name, &Env::system())?.save_new(&self.file)?;
        let file = self.file.display();
        eprintln!(
            "{file} is the secret of the cluster {}. Copy it to each machine, readable by Shoal's user only, and start\n\
             the nodes in any order:\n\n    \
             shoal serve --bundle {file} --peer-listen 10.0.0.1:7171 --join 10.0.0.2:7171 --data postgres://..",
            self.name
        );
        Ok(ExitCode::SUCCESS)
    }
}

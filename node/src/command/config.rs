use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::config::{Loaded, Setting};
use crate::output;

/// Shows or checks the configuration.
#[derive(Debug, Args)]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print every key, its value and where that comes from.
    Show {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say whether the configuration is acceptable, the templates of mails included; nothing is opened.
    Check,
}

impl ConfigCommand {
    /// The configuration was read before; an unacceptable one does not come here.
    pub(crate) fn run(self, loaded: &Loaded) -> anyhow::Result<ExitCode> {
        match self.what {
            What::Show { json } => {
                let cells = |it: &Setting| [it.key.clone(), it.value.clone(), it.source.clone()];
                output::table(json, ["KEY", "VALUE", "SOURCE"], &loaded.settings, cells)?;
            }
            What::Check => {
                if loaded.config.mail.is_on() {
                    loaded.config.mail_options().check()?;
                }
                eprintln!("the configuration is acceptable");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

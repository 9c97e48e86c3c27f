use std::process::ExitCode;

use shoal_types::Env;

use crate::config::Config;
use crate::wiring::Opened;

/// Opens every house, which brings its schema up to date, and closes it again.
pub(crate) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let opened = Opened::open(&config, Env::system()).await?;
    opened.close().await;
    eprintln!("the data in {} is at this version's schema", config.data);
    Ok(ExitCode::SUCCESS)
}

//! `shoal export --all`: everything the houses hold, a file a kind.

use std::path::Path;
use std::process::ExitCode;

use shoal_exchange::{Cancel, Export, Format, Kind};
use shoal_types::{Context, Env};

use super::backup::Part;
use super::exchange::{Bar, WITHIN, cancel_at_interrupt};
use crate::config::Config;
use crate::wiring::Opened;

/// In the order in which an empty shop takes them in: products name categories.
const KINDS: [(Kind, &str); 4] = [
    (Kind::Categories, "1 of 4, categories: "),
    (Kind::Products, "2 of 4, products: "),
    (Kind::Users, "3 of 4, users: "),
    (Kind::Orders, "4 of 4, orders: "),
];

/// Writes every kind as JSON lines into the folder `to`, which appears when all is in it.
pub(super) async fn run(
    config: &Config,
    to: &Path,
    web_as: Option<String>,
    env: Env,
) -> anyhow::Result<ExitCode> {
    let part = Part::make(to)?;
    let cancel = Cancel::default();
    cancel_at_interrupt(&cancel);
    let opened = Opened::open(config, env.clone()).await?;
    let written = write(&opened, &part, &cancel, web_as, &env).await;
    opened.close().await;
    let Some(counts) = written? else {
        eprintln!("ended early; {} was not made", to.display());
        return Ok(ExitCode::FAILURE);
    };
    eprintln!("{} in {}", counts.join(", "), part.place()?.display());
    Ok(ExitCode::SUCCESS)
}

/// What was written, in words; `None` if it was asked to end early.
async fn write(
    opened: &Opened,
    part: &Part,
    cancel: &Cancel,
    web_as: Option<String>,
    env: &Env,
) -> anyhow::Result<Option<Vec<String>>> {
    let targets = opened.targets()?;
    let mut counts = Vec::new();
    for (kind, shown) in KINDS {
        let bar = Bar::of_rows(shown);
        let usual = Export::new(kind, Format::JsonLines);
        let export = Export { web_as: web_as.clone(), cancel: cancel.clone(), ..usual };
        let file = part.path().join(format!("{}.jsonl", kind.as_str()));
        let done = export.run(|| Context::system(env, WITHIN), &targets, &bar, &file).await;
        bar.clear();
        let exported = done?;
        if exported.cancelled {
            return Ok(None);
        }
        counts.push(format!("{} {}", exported.documents, kind.as_str()));
    }
    Ok(Some(counts))
}

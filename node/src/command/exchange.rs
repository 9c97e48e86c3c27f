use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use shoal_exchange::{Cancel, Delimiter, Format, Kind, Mapping, Progress, Progressed};
use shoal_types::{Context, Env};

use super::export_all;
use crate::config::Config;
use crate::wiring::Opened;

/// How long one batch may take.
pub(super) const WITHIN: Duration = Duration::from_secs(60);
/// The exit code of an import that went through but for some rows.
const SOME_REJECTED: u8 = 3;

/// Brings products, categories, users or orders in from a file. Safe to run twice, and to stop and run again.
///
/// Exit code: 0 all rows are in, 3 some were rejected and are listed in a report, 1 it could not be done.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// What the file holds: products, categories, users, orders.
    #[arg(value_parser = kind)]
    kind: Kind,
    /// The file: .csv, .tsv or .jsonl.
    file: PathBuf,
    /// What a foreign file's columns mean: a TOML file, or the name of a built-in one.
    #[arg(long, value_name = "FILE|NAME")]
    mapping: Option<String>,
    /// csv or jsonl; told by the file's ending if absent.
    #[arg(long, value_parser = format)]
    format: Option<Format>,
    /// What stands between cells: comma, semicolon or tab.
    #[arg(long, value_parser = delimiter)]
    delimiter: Option<Delimiter>,
    /// Check everything, write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Report rejected rows here, as JSON lines; FILE.rejects.jsonl if absent.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

/// Writes products, categories, users or orders to a file that an import takes again.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// What to write: products, categories, users, orders.
    #[arg(value_parser = kind, required_unless_present = "all")]
    kind: Option<Kind>,
    /// The file: .csv, .tsv or .jsonl. JSON lines hold everything, CSV what fits a table.
    #[arg(required_unless_present = "all")]
    file: Option<PathBuf>,
    /// Write everything, each kind to a file of JSON lines in the folder that --to names.
    #[arg(long, requires = "to", conflicts_with_all = ["kind", "file", "format", "delimiter"])]
    all: bool,
    /// The folder for --all; it appears when all is in it.
    #[arg(long, value_name = "DIR", requires = "all", conflicts_with_all = ["kind", "file"])]
    to: Option<PathBuf>,
    /// csv or jsonl; told by the file's ending if absent.
    #[arg(long, value_parser = format)]
    format: Option<Format>,
    /// What stands between cells: comma, semicolon or tab.
    #[arg(long, value_parser = delimiter)]
    delimiter: Option<Delimiter>,
    /// Write orders placed here under this source, so that another shop can take them in.
    #[arg(long, value_name = "SOURCE")]
    web_as: Option<String>,
}

impl Import {
    pub(crate) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let env = Env::system();
        let mut import = shoal_exchange::Import::new(self.kind, &self.file);
        import.mapping = self.mapping.as_deref().map(Mapping::load).transpose()?;
        import.format = self.format;
        import.delimiter = self.delimiter;
        import.dry_run = self.dry_run;
        if let Some(rejects) = self.rejects {
            import.rejects = rejects;
        }
        cancel_at_interrupt(&import.cancel);
        let opened = Opened::open(&config, env.clone()).await?;
        let bar = Bar::of_bytes();
        let done = import.run(|| Context::system(&env, WITHIN), &opened.targets()?, &bar).await;
        bar.clear();
        opened.close().await;
        let summary = done?;
        match self.json {
            true => println!("{}", serde_json::to_string_pretty(&summary)?),
            false => print!("{summary}"),
        }
        Ok(match summary.rows.rejected {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::from(SOME_REJECTED),
        })
    }
}

impl Export {
    pub(crate) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let env = Env::system();
        let (kind, file) = match (self.kind, self.file, self.to) {
            (Some(kind), Some(file), _) => (kind, file),
            (_, _, Some(to)) => return export_all::run(&config, &to, self.web_as, env).await,
            _ => anyhow::bail!("say what to write, and to which file"),
        };
        let format = self.format.map_or_else(|| Format::of(&file), Ok)?;
        let mut export = shoal_exchange::Export::new(kind, format);
        export.web_as = self.web_as;
        if let Some(delimiter) = self.delimiter {
            export.delimiter = delimiter;
        }
        cancel_at_interrupt(&export.cancel);
        let opened = Opened::open(&config, env.clone()).await?;
        let bar = Bar::of_rows("");
        let targets = opened.targets()?;
        let done = export.run(|| Context::system(&env, WITHIN), &targets, &bar, &file).await;
        bar.clear();
        opened.close().await;
        let exported = done?;
        if exported.cancelled {
            eprintln!("ended early; {} was not made", file.display());
            return Ok(ExitCode::FAILURE);
        }
        eprintln!("{} {} in {}", exported.documents, kind.as_str(), file.display());
        Ok(ExitCode::SUCCESS)
    }
}

/// A bar on standard error, while somebody watches.
pub(super) struct Bar(ProgressBar);

impl Bar {
    fn of_bytes() -> Self {
        Self::drawn("{bar:40} {percent:>3} %  {msg}  {elapsed}, {eta} to go")
    }

    /// A bar for what has no known end; `what` is being written.
    pub(super) fn of_rows(what: &'static str) -> Self {
        let bar = Self::drawn("{spinner} {prefix}{msg}  {elapsed}");
        bar.0.set_prefix(what);
        bar
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }

    fn drawn(template: &str) -> Self {
        let bar = match std::io::stderr().is_terminal() {
            true => ProgressBar::new(1),
            false => ProgressBar::hidden(),
        };
        Self(bar.with_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        ))
    }
}

impl Progress for Bar {
    fn advance(&self, state: Progressed) {
        self.0.set_length(state.bytes_total);
        self.0.set_position(state.bytes_read);
        self.0.set_message(match state.refused {
            0 => format!("{} rows", state.rows),
            refused => format!("{} rows, {refused} refused", state.rows),
        });
    }
}

/// The first Ctrl-C ends after the batch at hand; a second one ends the process.
pub(super) fn cancel_at_interrupt(cancel: &Cancel) {
    let cancel = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            eprintln!("ending in good order; once more to stop at once");
            cancel.cancel();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    });
}

fn kind(word: &str) -> Result<Kind, String> {
    Kind::parse(word).ok_or_else(|| "expected products, categories, users or orders".to_owned())
}

fn format(word: &str) -> Result<Format, String> {
    Format::parse(word).ok_or_else(|| "expected csv or jsonl".to_owned())
}

fn delimiter(word: &str) -> Result<Delimiter, String> {
    Delimiter::parse(word).ok_or_else(|| "expected comma, semicolon or tab".to_owned())
}

//! `shoal backup`: one point of all embedded data, copied while a node serves it.

mod bar;
mod error;
mod files;
mod houses;
mod manifest;
mod part;
mod report;
mod restore;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use shoal_exchange::Cancel;
use shoal_sql::backup::{Snapshot, inspect};
use shoal_types::{Env, Timestamp};

use super::exchange::cancel_at_interrupt;
use crate::config::Config;
use bar::Bar;
use houses::House;
use manifest::{Kept, Manifest};
use report::Report;

pub(crate) use error::Error;
pub(super) use houses::HOUSES;
pub(crate) use part::Part;
pub(crate) use restore::Restore;

/// Copies the embedded data, as it is at one instant, into a folder. A node may serve it meanwhile.
///
/// Writes wait for some milliseconds while the instant is fixed. PostgreSQL has tools of its own: docs/operations.md.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Make the backup here; shoal-backup-TIME in this directory if absent.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Print what is in it as JSON.
    #[arg(long)]
    json: bool,
}

impl Backup {
    pub(crate) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let Some(data) = config.data.directory().map(Path::to_path_buf) else {
            return Err(Error::NotEmbedded { data: config.data.to_string() }.into());
        };
        let env = Env::system();
        let to = self.to.unwrap_or_else(|| format!("shoal-backup-{}", stamp(env.now())).into());
        let cancel = Cancel::default();
        cancel_at_interrupt(&cancel);
        let made = tokio::task::spawn_blocking(move || back_up(&data, &to, &env, &cancel)).await?;
        made?.print(self.json)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn back_up(data: &Path, to: &Path, env: &Env, cancel: &Cancel) -> anyhow::Result<Report> {
    let houses = houses_in(data)?;
    let part = Part::make(to)?;
    let names: Vec<_> = houses.iter().map(|house| house.name).collect();
    let snapshot = Snapshot::take(data, &names, env).map_err(|error| error::of(error, data))?;
    let mut bytes = 0;
    for house in &houses {
        bytes += snapshot.size(house.name).map_err(|error| error::of(error, data))?;
    }
    let bar = Bar::over(2 * bytes, cancel);
    for house in &houses {
        bar.says(format!("copying {}", house.file()));
        let file = part.path().join(house.file());
        let copied = snapshot.copy(house.name, &file, &mut |bytes| bar.reaches(bytes));
        copied.map_err(|error| error::of(error, &file))?;
        bar.ends_file();
    }
    let (taken_at, held) = (snapshot.taken_at(), snapshot.held());
    // From here on the logs of the data can be emptied again.
    drop(snapshot);
    let databases = houses.iter().map(|house| check(house, &part, &bar)).collect::<anyhow::Result<_>>()?;
    let manifest = Manifest::new(taken_at, held, databases);
    manifest.write(part.path())?;
    let path = part.place()?;
    bar.clear();
    Ok(Report::of_backup(path, manifest))
}

/// The houses that have data here.
fn houses_in(data: &Path) -> Result<Vec<&'static House>, Error> {
    let houses: Vec<_> = HOUSES.iter().filter(|house| data.join(house.file()).exists()).collect();
    if houses.is_empty() {
        return Err(Error::NoData { data: data.display().to_string() });
    }
    for name in files::databases_in(data)? {
        if !HOUSES.iter().any(|house| house.file() == name) {
            tracing::warn!(file = name, "left out: it is no file of this version of Shoal");
        }
    }
    Ok(houses)
}

/// Reads the copy of a house through and through.
fn check(house: &House, part: &Part, bar: &Bar) -> anyhow::Result<Kept> {
    let file = part.path().join(house.file());
    bar.says(format!("checking {}", house.file()));
    let (bytes, sha256) = files::hash(&file, &mut |bytes| bar.reaches(bytes))?;
    bar.ends_file();
    let found = inspect(&file, house.name, house.migrations).map_err(|error| error::of(error, &file))?;
    Ok(Kept { file: house.file(), bytes, sha256, schema: found.schema, rows: found.rows })
}

/// A time as it stands in names: `20261122T181113Z`.
fn stamp(at: Timestamp) -> String {
    let text = at.to_string();
    let whole = text.split('.').next().unwrap_or_default();
    format!("{}Z", whole.replace(['-', ':'], ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_fits_the_name_of_a_file() {
        let at = Timestamp::parse("2026-11-22T18:11:13.000456Z").expect("a time");
        assert_eq!(stamp(at), "20261122T181113Z");
    }
}

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use shoal_exchange::Cancel;
use shoal_sql::backup::{Claim, inspect};
use shoal_types::Env;

use super::bar::Bar;
use super::error::{self, Error};
use super::houses::{BESIDE, HOUSES, House};
use super::manifest::{Kept, Manifest};
use super::report::Report;
use super::{files, stamp};
use crate::command::exchange::cancel_at_interrupt;
use crate::config::Config;

/// The folder in the data's directory where copies are checked before they take their place.
const STAGE: &str = "restore.part";

/// Brings embedded data back from a backup. No node may serve it meanwhile.
///
/// Every file is checked before anything is put in place. Cut short, it is run again to go on.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup: a folder that `shoal backup` made.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Move data that is there into a folder of the directory.
    #[arg(long)]
    replace: bool,
    /// Print what was restored as JSON.
    #[arg(long)]
    json: bool,
}

impl Restore {
    pub(crate) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let Some(data) = config.data.directory().map(Path::to_path_buf) else {
            return Err(Error::NotEmbedded { data: config.data.to_string() }.into());
        };
        let (from, replace, cancel) = (self.from, self.replace, Cancel::default());
        cancel_at_interrupt(&cancel);
        let restore = move || restore(&from, &data, replace, &Env::system(), &cancel);
        tokio::task::spawn_blocking(restore).await??.print(self.json)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn restore(from: &Path, data: &Path, replace: bool, env: &Env, cancel: &Cancel) -> anyhow::Result<Report> {
    let manifest = Manifest::read(from)?;
    let databases = manifest.databases(from)?;
    let names: Vec<_> = HOUSES.iter().map(|house| house.name).collect();
    let claim = Claim::take(data, &names).map_err(|error| error::of(error, data))?;
    let refused = |error| error::of(error, data);
    let there = claim.present(&BESIDE).map_err(refused)?;
    // What a restore that was cut short put there may be replaced: nobody could use it.
    if !there.is_empty() && !replace && !claim.is_unfinished().map_err(refused)? {
        return Err(Error::DataExists { data: data.display().to_string() }.into());
    }
    let stage = Stage::make(data)?;
    let bar = Bar::over(2 * databases.iter().map(|(_, kept)| kept.bytes).sum::<u64>(), cancel);
    for (_, kept) in &databases {
        bring(kept, from, &stage, &bar)?;
    }
    for (house, kept) in &databases {
        check(house, kept, &stage, &bar)?;
    }
    files::sync(&stage.0)?;
    bar.says("putting it in place".to_owned());
    let aside = format!("replaced-{}", stamp(env.now()));
    let replaced = claim.replace(&stage.0, &aside, &BESIDE).map_err(refused)?;
    bar.clear();
    Ok(Report::of_restore(data.to_owned(), replaced, manifest))
}

/// Copies a file of the backup, which must be as it was written.
fn bring(kept: &Kept, from: &Path, stage: &Stage, bar: &Bar) -> Result<(), Error> {
    bar.says(format!("copying {}", kept.file));
    let source = from.join(&kept.file);
    let (bytes, sha256) = files::copy(&source, &stage.0.join(&kept.file), &mut |bytes| bar.reaches(bytes))?;
    bar.ends_file();
    let damaged = |reason: String| Err(Error::Damaged { path: source.display().to_string(), reason });
    if bytes != kept.bytes {
        return damaged(format!("has {bytes} bytes instead of {}", kept.bytes));
    }
    if sha256 != kept.sha256 {
        return damaged("has another checksum than when it was written".to_owned());
    }
    Ok(())
}

/// Reads a copy through and through: it must hold what the backup says.
fn check(house: &House, kept: &Kept, stage: &Stage, bar: &Bar) -> anyhow::Result<()> {
    bar.says(format!("checking {}", kept.file));
    let file = stage.0.join(&kept.file);
    let found = inspect(&file, house.name, house.migrations).map_err(|error| error::of(error, &file))?;
    bar.reaches(kept.bytes);
    bar.ends_file();
    if (found.schema, &found.rows) != (kept.schema, &kept.rows) {
        let reason = "does not hold the rows that its manifest names".to_owned();
        return Err(Error::Damaged { path: kept.file.clone(), reason }.into());
    }
    Ok(())
}

/// The folder with the copies, removed when dropped with all that is still in it.
struct Stage(PathBuf);

impl Stage {
    /// Makes it anew in `data`, which this process has claimed.
    fn make(data: &Path) -> Result<Self, Error> {
        let path = data.join(STAGE);
        let made = match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::create_dir(&path),
        };
        made.map_err(|error| error::io(&error, &path))?;
        Ok(Self(path))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "it is of no use and could not be removed");
        }
    }
}

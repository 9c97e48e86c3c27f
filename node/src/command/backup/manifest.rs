use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shoal_types::Timestamp;

use super::error::{self, Error};
use super::files;
use super::houses::{HOUSES, House};

const NAME: &str = "manifest.json";
/// Raised when an older program could not restore what a newer one writes.
const FORMAT: u32 = 1;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// How a backup is laid out.
    pub(super) format: u32,
    /// The version of Shoal that made it.
    pub(super) shoal: String,
    /// The instant that it shows.
    pub(super) taken_at: Timestamp,
    /// How long writes waited for it, microseconds.
    pub(super) writes_held_us: u64,
    pub(super) databases: Vec<Kept>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// `users.db`
    pub(super) file: String,
    pub(super) bytes: u64,
    /// In hexadecimal digits.
    pub(super) sha256: String,
    /// The version of its schema.
    pub(super) schema: u32,
    /// Rows of each table.
    pub(super) rows: BTreeMap<String, u64>,
}

impl Manifest {
    pub(super) fn new(taken_at: Timestamp, held: Duration, databases: Vec<Kept>) -> Self {
        let writes_held_us = u64::try_from(held.as_micros()).unwrap_or(u64::MAX);
        let shoal = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT, shoal, taken_at, writes_held_us, databases }
    }

    /// Writes it into the folder of a backup; it is on the disk when this answers.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(NAME);
        let text = serde_json::to_string_pretty(self)? + "\n";
        let write = || {
            let mut file = File::create_new(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        Ok(write().map_err(|error| error::io(&error, &path))?)
    }

    /// Reads the manifest of a backup.
    ///
    /// # Errors
    /// `NoBackup`, `Newer`; `Damaged` if the files in the folder are not those it names.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.display().to_string();
        let no_backup =
            |reason: String| Error::NoBackup { path: path.clone(), reason: format!("{NAME}: {reason}") };
        let text = fs::read_to_string(folder.join(NAME)).map_err(|error| no_backup(error.to_string()))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| no_backup(error.to_string()))?;
        // A newer format may have any shape but this.
        let format = value.get("format").and_then(Value::as_u64);
        if let Some(format) = format.filter(|format| *format > u64::from(FORMAT)) {
            let reason = format!("its format is {format}, the newest known is {FORMAT}");
            return Err(Error::Newer { path, reason });
        }
        let manifest: Self = serde_json::from_value(value).map_err(|error| no_backup(error.to_string()))?;
        manifest.databases(folder)?;
        match manifest.wrong_files(folder)? {
            Some(reason) => Err(Error::Damaged { path, reason }),
            None => Ok(manifest),
        }
    }

    /// Each file with its house.
    ///
    /// # Errors
    /// `Newer` if this program does not know one, or not its schema.
    pub(super) fn databases(&self, folder: &Path) -> Result<Vec<(&'static House, &Kept)>, Error> {
        let newer = |reason| Error::Newer { path: folder.display().to_string(), reason };
        let known = |kept| house_of(kept).map(|house| (house, kept)).map_err(newer);
        self.databases.iter().map(known).collect()
    }

    /// What is odd about the files that are there, if anything is.
    fn wrong_files(&self, folder: &Path) -> Result<Option<String>, Error> {
        let there = files::databases_in(folder)?;
        let named: Vec<&str> = self.databases.iter().map(|kept| kept.file.as_str()).collect();
        if let Some(missing) = named.iter().find(|name| !there.iter().any(|there| there == *name)) {
            return Ok(Some(format!("lacks {missing}")));
        }
        if let Some(other) = there.iter().find(|there| !named.contains(&there.as_str())) {
            return Ok(Some(format!("has {other}, which {NAME} does not name")));
        }
        Ok(named.is_empty().then(|| "holds no data".to_owned()))
    }
}

/// The house of a file, or why there is none.
fn house_of(kept: &Kept) -> Result<&'static House, String> {
    let house = HOUSES.iter().find(|house| house.file() == kept.file);
    let house = house.ok_or_else(|| format!("it holds {}", kept.file))?;
    let known = house.migrations.last().map_or(0, |migration| migration.version);
    if kept.schema > known {
        return Err(format!("{} has schema {}, the newest known is {known}", kept.file, kept.schema));
    }
    Ok(house)
}

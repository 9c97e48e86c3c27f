use std::path::PathBuf;

use serde::Serialize;

use super::manifest::{Kept, Manifest};
use crate::output;

/// What was done, for standard output.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The backup that was made, or the directory that holds the data.
    path: PathBuf,
    /// The folder that has what was there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<PathBuf>,
    #[serde(flatten)]
    manifest: Manifest,
    #[serde(skip)]
    sentence: String,
}

impl Report {
    pub(super) fn of_backup(path: PathBuf, manifest: Manifest) -> Self {
        let held_ms = manifest.writes_held_us as f64 / 1e3;
        let (shown, taken_at) = (path.display(), manifest.taken_at);
        let sentence =
            format!("the data as of {taken_at} is in {shown}; writes waited {held_ms:.1} ms for it");
        Self { path, replaced: None, manifest, sentence }
    }

    pub(super) fn of_restore(path: PathBuf, replaced: Option<PathBuf>, manifest: Manifest) -> Self {
        let mut sentence = format!("{} holds the data as of {}", path.display(), manifest.taken_at);
        if let Some(replaced) = &replaced {
            sentence += &format!("; what was there is in {}", replaced.display());
        }
        Self { path, replaced, manifest, sentence }
    }

    pub(super) fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            println!("{}", serde_json::to_string_pretty(self)?);
        } else {
            let cells = |kept: &Kept| {
                let rows: u64 = kept.rows.values().sum();
                [kept.file.clone(), kept.bytes.to_string(), rows.to_string(), kept.schema.to_string()]
            };
            output::table(false, ["FILE", "BYTES", "ROWS", "SCHEMA"], &self.manifest.databases, cells)?;
        }
        eprintln!("{}", self.sentence);
        Ok(())
    }
}

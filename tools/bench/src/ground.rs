//! Where the data of measurements lie: fresh for each shop that is opened, gone after it.

mod postgres;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use shoal_sql::Source;
use tempfile::TempDir;

pub(crate) use postgres::{Database, Server, connect};

/// On what is measured.
#[derive(Debug, Clone)]
pub(crate) enum Ground {
    /// Embedded data, in folders of this one.
    Folder(PathBuf),
    /// Databases of a PostgreSQL server.
    Postgres(Server),
}

/// The place of one shop's data, gone when dropped.
pub(crate) enum Plot {
    /// A folder.
    Folder(TempDir),
    /// A database.
    Database(Database),
}

impl Ground {
    /// The server of `data` if that is a URL, else the folder `folder`, or the one for temporary files.
    ///
    /// # Errors
    /// If the server is not reached, or is one that must not be measured.
    pub(crate) async fn find(data: Option<&str>, folder: Option<&Path>) -> anyhow::Result<Self> {
        match data.filter(|data| data.contains("://")) {
            Some(_) if folder.is_some() => bail!("--bench-data is for embedded data, --data names a server"),
            Some(url) => Ok(Self::Postgres(Server::reach(url).await?)),
            None => {
                let folder = folder.map_or_else(std::env::temp_dir, Path::to_owned);
                std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
                Ok(Self::Folder(folder))
            }
        }
    }

    /// The engine with what its figures depend on.
    pub(crate) async fn describe(&self) -> anyhow::Result<String> {
        match self {
            Self::Folder(_) => Ok("embedded data".to_owned()),
            Self::Postgres(server) => server.describe().await,
        }
    }

    /// A new place for a shop.
    pub(crate) async fn plot(&self) -> anyhow::Result<Plot> {
        match self {
            Self::Folder(_) => Ok(Plot::Folder(self.folder("shoal-bench-")?)),
            Self::Postgres(server) => Ok(Plot::Database(server.database().await?)),
        }
    }

    /// A new folder for embedded data.
    ///
    /// # Errors
    /// If it cannot be made, or the ground is a server.
    pub(crate) fn folder(&self, prefix: &str) -> anyhow::Result<TempDir> {
        match self {
            Self::Folder(folder) => Ok(tempfile::Builder::new().prefix(prefix).tempdir_in(folder)?),
            Self::Postgres(_) => bail!("this is measured on embedded data only"),
        }
    }
}

impl Plot {
    /// Where the houses find it.
    pub(crate) fn source(&self) -> anyhow::Result<Source> {
        Ok(Source::parse(self.place()?)?)
    }

    /// What `--data` takes, with a password if there is one.
    pub(crate) fn place(&self) -> anyhow::Result<&str> {
        match self {
            Self::Folder(folder) => folder.path().to_str().context("the data folder's name is not UTF-8"),
            Self::Database(database) => Ok(database.url()),
        }
    }

    /// The database, where it is one.
    ///
    /// # Errors
    /// If it is a folder.
    pub(crate) fn database(&self) -> anyhow::Result<&Database> {
        match self {
            Self::Database(database) => Ok(database),
            Self::Folder(_) => bail!("embedded data have no server"),
        }
    }
}
